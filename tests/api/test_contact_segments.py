"""Segments: what can be asked, what is refused, who belongs to one; pairs, merges and timelines through the API."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.conftest import Client, Rival, problem
from tests.api.test_contacts import add
from tests.world import Line, World


def one(on: str, how: str, value: Any, **of: str) -> dict[str, Any]:
    return {"on": on, "is": how, "value": value, **of}


def preview(client: Client, condition: dict[str, Any]) -> list[str]:
    status, seen = client.post("/v1/segments/preview", {"condition": condition})
    assert status == 200, seen
    names = [found["name"] for found in seen["contacts"]]
    assert seen["count"] == {"contacts": len(names), "exact": True, "margin": 0}
    return sorted(names)


@pytest.fixture
def three(world: World, line: Line, client: Client) -> list[dict[str, Any]]:
    """Ann has written and said STOP, Ben was written to, Cy has values and a tag."""
    for key, type_, choices in (
        ("city", "text", []), ("size", "number", []), ("since", "date", []), ("member", "boolean", []),
        ("color", "choice", ["Red", "Blue"]),
    ):  # fmt: skip
        client.post("/v1/fields", {"key": key, "label": key, "type": type_, "choices": choices})
    made: list[dict[str, Any]] = []
    for given_ in (
        {"phone": "+12025550111", "name": "Ann"},
        {"phone": "+12025550112", "name": "Ben", "email": "ben@b.example"},
        {
            "email": "cy@c.example",
            "name": "Cy",
            "fields": {"city": "Bad Ems", "size": 7.5, "since": "2024-02-29", "member": True, "color": "Red"},
            "tags": ["vip"],
        },
    ):
        world.clock.pass_(seconds=1)
        made.append(add(client, **given_))
    world.text(line, "How much is it?", sender="+12025550111")
    world.score()
    world.clock.pass_(days=5)
    world.text(line, "STOP", sender="+12025550111")
    world.text(line, "hi", sender="+12025550112")
    return made


@pytest.mark.usefixtures("three")
class TestAsk:
    @pytest.mark.parametrize(
        ("condition", "names"),
        [
            ({"all": []}, ["Ann", "Ben", "Cy"]),
            (one("name", "words", "an"), ["Ann"]),
            (one("name", "equal", "BEN"), ["Ben"]),
            (one("email", "empty", True), ["Ann"]),
            (one("email", "starts", "CY@"), ["Cy"]),
            (one("phone", "empty", True), ["Cy"]),
            (one("phone", "ends", "0112"), ["Ben"]),
            (one("phone", "starts", "+1202"), ["Ann", "Ben"]),
            (one("fields.city", "equal", "Bad Ems"), ["Cy"]),
            (one("fields.city", "contains", "ad e"), ["Cy"]),
            (one("fields.city", "contains", "%"), []),
            (one("fields.city", "empty", True), ["Ann", "Ben"]),
            (one("fields.size", "at_least", 7.5), ["Cy"]),
            (one("fields.size", "at_most", 7), []),
            ({"not": one("fields.size", "at_least", 7)}, ["Ann", "Ben"]),
            (one("fields.since", "before", "2024-03-01"), ["Cy"]),
            (one("fields.since", "after", "2024-03-01"), []),
            (one("fields.member", "equal", True), ["Cy"]),
            (one("fields.color", "one_of", ["blue", "red"]), ["Cy"]),
            (one("consent", "equal", "revoked", channel="sms"), ["Ann"]),
            (one("consent", "equal", "none", channel="sms", purpose="all"), ["Ben", "Cy"]),
            (one("last_message_at", "within_days", 1), ["Ann", "Ben"]),
            (one("last_inbound_at", "within_days", 1), ["Ann", "Ben"]),
            (one("last_message_at", "empty", True), ["Cy"]),
            (one("created_at", "within_days", 3), []),
            (one("created_at", "after", "2020-01-01T00:00:00Z"), ["Ann", "Ben", "Cy"]),
            (one("unread", "equal", False), ["Cy"]),
            (one("restricted", "equal", False), ["Ann", "Ben", "Cy"]),
            ({"any": [one("name", "words", "ann"), one("fields.size", "equal", 7.5)]}, ["Ann", "Cy"]),
            ({"all": [one("name", "words", "ann"), {"not": one("email", "empty", True)}]}, []),
        ],
        ids=str,
    )
    def test_each_question(self, client: Client, condition: dict[str, Any], names: list[str]):
        assert preview(client, condition) == names

    def test_by_tag_and_by_what_a_model_said(self, client: Client, three: list[dict[str, Any]]):
        assert preview(client, one("tag", "set", three[2]["tags"][0]["id"])) == ["Cy"]
        assert preview(client, one("interest", "at_least", 0)) == ["Ann"]

    @pytest.mark.parametrize(
        "condition",
        [
            {},
            {"all": 1},
            {"any": []},
            {"all": [], "any": []},
            one("name; DROP TABLE contacts", "equal", "x"),
            one("name", "equal OR 1=1", "x"),
            one("fields.nope' OR '1'='1", "equal", "x"),
            one("fields.city", "at_least", 1),
            one("name", "equal", ["x"]),
            one("name", "equal", "x" * 1001),
            one("phone", "ends", "12%4"),
            one("tag", "set", "x"),
            one("last_message_at", "within_days", 10**9),
            one("created_at", "before", "2020-01-01T00:00:00"),
            one("interest", "at_least", 1e300),
            one("consent", "equal", "revoked"),
            one("consent", "equal", "yes", channel="sms"),
            one("name", "equal", "x", channel="sms"),
            {**one("name", "equal", "x"), "sql": "1"},
            {"all": [one("name", "words", "x")] * 51},
            {"not": {"not": {"not": {"not": {"not": one("name", "words", "x")}}}}},
        ],
        ids=lambda condition: str(condition)[:60],
    )
    def test_I6_I5_what_cannot_be_asked_is_refused(self, client: Client, condition: dict[str, Any]):
        status, told = client.post("/v1/segments/preview", {"condition": condition})
        assert (status, told["status"]) == (422, 422)
        problem(client.post("/v1/segments", {"name": "x", "condition": condition}), 422, told["code"])

    JSON = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["all", "any", "not", "on", "is", "value", "channel"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )

    @settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        on=st.sampled_from(
            ["name", "email", "phone", "tag", "fields.city", "fields.size", "consent", "interest"]
        ),
        how=st.sampled_from(["equal", "words", "starts", "ends", "contains", "at_least", "empty", "set"]),
        value=JSON,
    )
    def test_I13_no_condition_is_an_error_of_ours(self, client: Client, on: str, how: str, value: Any):
        for condition in (one(on, how, value), {"all": [one(on, how, value)]}, {"not": value}):
            status, _ = client.post("/v1/segments/preview", {"condition": condition})
            assert status in (200, 422)


class TestSegments:
    def test_one_is_kept_edited_read_and_deleted(
        self, client: Client, viewer: Client, three: list[dict[str, Any]]
    ):
        condition = one("fields.city", "equal", "Bad Ems")
        _, made = client.post("/v1/segments", {"name": "Spa", "condition": condition})
        path = f"/v1/segments/{made['id']}"
        problem(client.post("/v1/segments", {"name": "SPA", "condition": condition}), 409, "segment_exists")
        assert [found["name"] for found in viewer.get(f"{path}/contacts")[1]["items"]] == ["Cy"]
        assert viewer.get(f"{path}/count")[1] == {"contacts": 1, "exact": True, "margin": 0}
        _, edited = client.patch(path, {"condition": {"all": []}}, '"1"')
        assert edited["condition"] == {"all": []}
        problem(client.patch(path, {"name": "x"}, '"1"'), 412, "stale")
        seen, cursor = [], ""
        while cursor is not None:
            _, page = viewer.get(f"{path}/contacts?limit=1&cursor={cursor}")
            seen += [found["name"] for found in page["items"]]
            cursor = page["next"]
        assert seen == ["Cy", "Ben", "Ann"]
        problem(viewer.post("/v1/segments", {"name": "x", "condition": condition}), 403, "forbidden")
        assert client.delete(path)[0] == 204
        problem(client.get(path), 404, "segment_not_found")
        assert len(client.get("/v1/contacts")[1]["items"]) == 3


class TestPairs:
    def test_the_same_address_number_or_name_and_company_make_a_pair(self, client: Client, world: World):
        client.post("/v1/fields", {"key": "company", "label": "Company", "type": "text"})
        for given_ in (
            {"email": "Ada@b.example", "name": "Ada"},
            {"email": "ada@B.example", "name": "A. L."},
            {"email": "x@b.example", "name": "Jo Doe", "fields": {"company": "Acme"}},
            {"email": "y@b.example", "name": "jo doe", "fields": {"company": "Acme"}},
            {"email": "z@b.example", "name": "Jo Doe", "fields": {"company": "Other"}},
            {"phone": "+5511987654321", "name": "João"},
        ):
            world.clock.pass_(seconds=1)
            add(client, **given_)
        # As a provider told of it, before anybody looked.
        world.execute(
            """INSERT INTO contacts (organization_id, id, phone, name, created_at, updated_at)
               SELECT organization_id, %(id)s, '+551187654321', 'J', created_at, updated_at FROM contacts LIMIT 1""",
            id=uuid4(),
        )
        _, page = client.get("/v1/contacts/duplicates")
        found = sorted(
            {
                (pair["reason"], *sorted((pair["newer"]["name"], pair["older"]["name"])))
                for pair in page["items"]
            }
        )
        assert found == [
            ("same_email", "A. L.", "Ada"),
            ("same_name", "Jo Doe", "Jo Doe"),
            ("same_name", "Jo Doe", "jo doe"),
            ("same_name_and_company", "Jo Doe", "jo doe"),
            ("same_number", "J", "João"),
        ]
        assert page["next"] is None

    def test_P7_3_an_edit_is_told_after_a_day_too_with_its_fields_and_its_author_alone(
        self, client: Client, world: World
    ):
        ada = add(client, email="ada@b.example", name="Ada")["id"]
        world.clock.pass_(seconds=1)
        path = f"/v1/contacts/{ada}"
        assert client.patch(path, {"name": "Ada L.", "email": "a@l.example"}, client.etag(path))[0] == 200
        world.clock.pass_(hours=26)
        first, second = client.get(f"{path}/timeline")[1]["items"]
        assert (first["kind"], second["kind"]) == ("edited", "created")
        assert first["told"] == {"fields": "name email", "by": "person", "author_id": str(client.user_id)}

    def test_merge_look_and_split(self, client: Client, line: Line, world: World, rival: Rival):
        world.text(line, "hi", sender="+12025550111")
        world.clock.pass_(seconds=1)
        loser = client.get("/v1/contacts")[1]["items"][0]["id"]
        winner = add(client, email="ada@b.example", name="Ada")["id"]
        client.post(f"/v1/contacts/{winner}/notes", {"body": "likes red"})
        world.clock.pass_(seconds=1)
        foreign = world.value("SELECT contact_id FROM conversations WHERE id = %(id)s", id=rival.conversation)
        problem(client.post(f"/v1/contacts/{winner}/merges/{foreign}"), 404, "contact_not_found")
        problem(client.post(f"/v1/contacts/{winner}/merges/{winner}"), 422, "same_contact")
        status, made = client.post(f"/v1/contacts/{winner}/merges/{loser}")
        assert status == 201
        assert client.get(f"/v1/contacts/{loser}")[1]["id"] == winner  # the old id leads on
        assert client.get(f"/v1/contacts/{winner}")[1]["phone"] == "+12025550111"
        other = add(client, phone="+12025550119")["id"]
        world.clock.pass_(seconds=1)  # of two merges the newer one is taken apart first
        assert client.post(f"/v1/contacts/{winner}/merges/{other}")[0] == 201
        for typed in ("%2B12025550119", "2025550119", "%2B12025550111"):
            assert [one["id"] for one in client.get(f"/v1/contacts?search={typed}")[1]["items"]] == [winner]
        problem(client.post("/v1/contacts", {"phone": "+12025550119"}), 409, "contact_exists")
        last = client.get(f"/v1/contacts/{winner}/merges")[1]["items"][0]["id"]
        assert client.post(f"/v1/contacts/{winner}/merges/{last}/split")[0] == 200
        seen, cursor = [], ""
        while cursor is not None:
            _, page = client.get(f"/v1/contacts/{winner}/timeline?limit=2&cursor={cursor}")
            seen += [row["kind"] for row in page["items"]]
            cursor = page["next"]
        assert sorted(seen) == ["created", "merge", "merge", "message", "note"]
        assert seen[0] == "merge"
        assert [row["id"] for row in client.get(f"/v1/contacts/{winner}/merges")[1]["items"]] == [made["id"]]
        path = f"/v1/contacts/{winner}/merges/{made['id']}/split"
        status, back = client.post(path)
        assert (status, back["id"], back["phone"]) == (200, loser, "+12025550111")
        problem(client.post(path), 409, "merge_undone")
        assert client.get(f"/v1/contacts/{winner}")[1]["phone"] is None
