"""Contacts: written down, found in every way people look for somebody, corrected."""

from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest

from leadsrally import runtime
from leadsrally.consent.change import address_hashes
from tests.api.conftest import Client, Rival, problem
from tests.world import Line, World

PEOPLE = [
    {"phone": "+12025550111", "name": "Ada Lovelace", "email": "ada@engines.example"},
    {"phone": "+12025550112", "name": "Zoë O'Connor-Núñez", "email": "zoe@quay.example"},
    {"phone": "+5511987654321", "name": "João da Silva"},
    {"phone": "+442079460018", "name": "Harbour Bikes Ltd (London)"},
    {"email": "Nobody@Engines.example"},
]


def add(client: Client, **given: Any) -> dict[str, Any]:
    status, made = client.post("/v1/contacts", given)
    assert status == 201, made
    return made


def found(client: Client, query: str) -> list[str]:
    status, page = client.get(f"/v1/contacts?{query}")
    assert status == 200, page
    return [one["name"] or one["email"] for one in page["items"]]


@pytest.fixture
def people(client: Client) -> list[dict[str, Any]]:
    made = []
    for one in PEOPLE:
        client.world.clock.pass_(seconds=1)
        made.append(add(client, **one))
    return made


@pytest.mark.usefixtures("people")
class TestFind:
    @pytest.mark.parametrize(
        ("typed", "names"),
        [
            ("ada", ["Ada Lovelace"]),
            ("LOVE", ["Ada Lovelace"]),
            ("love ada", ["Ada Lovelace"]),
            ("zoe", ["Zoë O'Connor-Núñez"]),
            ("Zoë", ["Zoë O'Connor-Núñez"]),
            ("connor nun", ["Zoë O'Connor-Núñez"]),
            ("bikes london", ["Harbour Bikes Ltd (London)"]),
            ("joao", ["João da Silva"]),
            ("silva joao", ["João da Silva"]),
            ("(202) 555-0111", ["Ada Lovelace"]),
            ("+1 202 555 0111", ["Ada Lovelace"]),
            ("2025550111", ["Ada Lovelace"]),
            ("0111", ["Ada Lovelace"]),
            ("+55 11 98765-4321", ["João da Silva"]),
            ("+55 11 8765-4321", ["João da Silva"]),  # as it was written before 2016
            ("ada@engines", ["Ada Lovelace"]),
            ("ADA@ENGINES.example", ["Ada Lovelace"]),
            ("nobody", ["Nobody@Engines.example"]),
            ("ove", []),
            ("111", []),
            ("'", []),
            ("%", []),
            ("ada & zoe", []),
            ("ada | !zoe:*", []),
            ("\\", []),
            ("x" * 200, []),
        ],
    )
    def test_whatever_is_typed(self, client: Client, typed: str, names: list[str]):
        assert found(client, f"search={quote(typed)}") == names

    def test_by_tag_and_by_field_and_by_all_of_it(self, client: Client, people: list[dict[str, Any]]):
        for key, type_ in (("city", "text"), ("size", "number"), ("member", "boolean")):
            assert client.post("/v1/fields", {"key": key, "label": key, "type": type_})[0] == 201
        ada, zoe = people[0]["id"], people[1]["id"]
        for who, values in ((ada, {"city": "Ärnäs", "size": 7}), (zoe, {"city": "Ärnäs", "member": True})):
            assert client.patch(f"/v1/contacts/{who}", {"fields": values}, '"1"')[0] == 200
        _, tagged = client.post(f"/v1/contacts/{ada}/tags", {"names": ["VIP", "vip", "new"]})
        assert [tag["name"] for tag in tagged["tags"]] == ["new", "VIP"]
        tag = tagged["tags"][1]["id"]
        assert found(client, f"field=city&value={quote('Ärnäs')}") == ["Zoë O'Connor-Núñez", "Ada Lovelace"]
        assert found(client, f"field=city&value={quote('Ärnäs')}&tag={tag}&search=ada") == ["Ada Lovelace"]
        assert found(client, "field=size&value=7") == ["Ada Lovelace"]
        assert found(client, "field=member&value=true") == ["Zoë O'Connor-Núñez"]
        assert found(client, f"search=zoe&tag={tag}") == []
        problem(client.get("/v1/contacts?field=nope&value=1"), 422, "unknown_field")
        assert client.world.api("DELETE", f"/v1/contacts/{ada}/tags/{tag}", client.token)[0] == 200
        assert found(client, f"tag={tag}") == []

    def test_in_each_order_page_by_page(self, client: Client, line: Line, world: World):
        world.text(line, "hi", sender="+442079460018")
        world.clock.pass_(seconds=1)
        world.text(line, "hi", sender="+12025550111")
        orders = {
            "newest": ["Nobody@Engines.example", "Harbour Bikes Ltd (London)", "João da Silva", *(
                ["Zoë O'Connor-Núñez", "Ada Lovelace"])],
            "name": ["Nobody@Engines.example", "Ada Lovelace", "Harbour Bikes Ltd (London)", "João da Silva",
                     "Zoë O'Connor-Núñez"],
            "last_activity": ["Ada Lovelace", "Harbour Bikes Ltd (London)"],
        }  # fmt: skip
        for order, names in orders.items():
            seen, cursor = [], ""
            while cursor is not None:
                _, page = client.get(f"/v1/contacts?sort={order}&limit=2&cursor={cursor}")
                seen += [one["name"] or one["email"] for one in page["items"]]
                cursor = page["next"]
            assert seen == names, order

    @pytest.mark.parametrize("letter", ["ж", "😀", "İ", '"', "x"])
    def test_by_name_on_from_names_of_every_script(self, client: Client, letter: str):
        names = sorted(letter * 199 + end for end in "abc")
        for number, name in enumerate(names):
            assert client.post("/v1/contacts", {"phone": f"+1202555012{number}", "name": name})[0] == 201
        seen, cursor = [], ""
        while cursor is not None:
            status, page = client.get(f"/v1/contacts?sort=name&limit=1&cursor={cursor}")
            assert status == 200, page
            seen += [one["name"] for one in page["items"]]
            cursor = page["next"]
        assert len(seen) == len(set(seen)) == 8
        assert sorted(name for name in seen if name.startswith(letter * 199)) == names

    @pytest.mark.parametrize("cursor", ["x", "e30", "WyJhIl0", "WyJhIiwiYiJd", "W10", "Ww"])
    def test_a_cursor_of_somewhere_else_is_refused(self, client: Client, cursor: str):
        for order in ("newest", "name", "last_activity"):
            problem(client.get(f"/v1/contacts?sort={order}&cursor={cursor}"), 422, "bad_cursor")

    def test_T2_a_tag_of_another_tenant_finds_nobody(self, client: Client, rival: Rival, people: list[Any]):
        _, tagged = client.post(f"/v1/contacts/{people[0]['id']}/tags", {"names": ["vip"]})
        assert found(rival.client, f"tag={tagged['tags'][0]['id']}") == []

    def test_T2_many_are_tagged_at_once_and_nobody_of_another_tenant(
        self, client: Client, rival: Rival, people: list[dict[str, Any]]
    ):
        foreign = client.world.value(
            "SELECT contact_id FROM conversations WHERE id = %(id)s", id=rival.conversation
        )
        ids = [*(one["id"] for one in people), str(foreign)]
        _, done = client.post("/v1/tags/taggings", {"contact_ids": ids, "add": ["new", "NEW", "vip"]})
        assert done == {"added": 10, "removed": 0}
        tags = [tag["id"] for tag in client.get("/v1/tags")[1]["items"]]
        assert len(found(client, f"tag={tags[0]}")) == 5
        _, nothing = rival.client.post("/v1/tags/taggings", {"contact_ids": ids, "remove": tags})
        assert nothing == {"added": 0, "removed": 0}
        _, undone = client.post(
            "/v1/tags/taggings", {"contact_ids": ids[:2], "add": ["vip"], "remove": tags[:1]}
        )
        assert undone == {"added": 0, "removed": 2}
        assert len(found(client, f"tag={tags[0]}")) == 3

    def test_T3_nobody_of_another_tenant_is_found(self, client: Client, rival: Rival):
        for query in ("search=ada", "search=0111", "search=ada@", "", "sort=name", "sort=last_activity"):
            assert not {name for name in found(rival.client, query) if name}, query


class TestWrite:
    def test_a_number_is_taken_once_however_it_is_written(self, client: Client):
        add(client, phone="(202) 555-0111", name="Ada")
        for typed in ("+12025550111", "202.555.0111", "1 202 555 0111"):
            problem(client.post("/v1/contacts", {"phone": typed}), 409, "contact_exists")
        add(client, phone="+5511987654321")
        problem(client.post("/v1/contacts", {"phone": "+551187654321"}), 409, "contact_exists")

    @pytest.mark.parametrize(
        ("body", "code"),
        [
            ({"name": "Ada"}, "unreachable"),
            ({"phone": "12"}, "bad_number"),
            ({"phone": "+12025550111", "time_zone": "Mars/Base"}, "time_zone_unknown"),
            ({"phone": "+12025550111", "fields": {"nope": 1}}, "field_unknown_field"),
            ({"email": "ada"}, "email_invalid"),
            ({"email": "a@b.example", "name": "a\nb"}, "malformed"),
            ({"email": "a@b.example", "name": "a\x00"}, "malformed"),
            ({"email": "a@b.test", "organization_id": str(uuid4())}, "malformed"),
            ({"email": "a@b.test", "tags": [""]}, "malformed"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, client: Client, body: dict[str, Any], code: str):
        problem(client.post("/v1/contacts", body), 422, code)

    def test_P7_3_a_correction_is_audited_by_field_and_without_values(self, client: Client):
        made = add(client, phone="+12025550111", name="Ada")
        path = f"/v1/contacts/{made['id']}"
        status, edited = client.patch(path, {"name": "Ada L.", "email": "ada@b.test"}, '"1"')
        assert (status, edited["name"], edited["email"]) == (200, "Ada L.", "ada@b.test")
        problem(client.patch(path, {"name": "late"}, '"1"'), 412, "stale")
        problem(client.patch(path, {"name": "x"}, None), 428, "if_match_missing")
        _, log = client.get("/v1/audit-log")
        row = next(row for row in log["items"] if row["action"] == "contact.edited")
        assert row["details"] == {"fields": "name email"}
        assert "Ada" not in str(log)

    def test_a_value_is_laid_over_and_taken_away(self, client: Client):
        for key, type_ in (("city", "text"), ("size", "number")):
            client.post("/v1/fields", {"key": key, "label": key, "type": type_})
        made = add(client, email="a@b.test", fields={"city": "Ulm", "size": 1.5})
        path = f"/v1/contacts/{made['id']}"
        _, edited = client.patch(path, {"fields": {"city": None, "size": "2"}}, '"1"')
        assert edited["fields"] == {"size": 2}
        problem(client.patch(path, {"fields": {"size": "big"}}, '"2"'), 422, "field_not_a_number")

    def test_I3_a_name_of_characters_that_become_many_is_stored_and_found(self, client: Client):
        name = "\ufdfa" * 200
        add(client, email="a@b.test", name=name)
        assert found(client, f"search={quote(name[:3])}") == [name]

    def test_notes(self, client: Client, viewer: Client):
        path = f"/v1/contacts/{add(client, email='a@b.test')['id']}/notes"
        _, note = client.post(path, {"body": "likes red"})
        assert note["author_id"] == str(client.user_id)
        _, edited = client.patch(f"{path}/{note['id']}", {"body": "likes blue"}, '"1"')
        assert edited["edited_at"] is not None
        problem(client.patch(f"{path}/{note['id']}", {"body": "x"}, '"1"'), 412, "stale")
        assert [one["body"] for one in viewer.get(path)[1]["items"]] == ["likes blue"]
        problem(viewer.post(path, {"body": "x"}), 403, "forbidden")
        assert client.delete(f"{path}/{note['id']}")[0] == 204
        assert client.get(path)[1]["items"] == []


class TestConsentOfANumber:
    def granted(self, world: World) -> list[tuple[str, str, str]]:
        rows = world.rows("SELECT channel_kind, purpose, state FROM consent_states ORDER BY 1, 2")
        return [tuple(row.values()) for row in rows]

    def test_E17_consent_does_not_travel_to_a_new_number(self, client: Client, line: Line, world: World):
        for word in ("STOP", "START"):
            world.clock.pass_(seconds=1)
            world.text(line, word, sender="+12025550111")
        assert self.granted(world) == [("sms", "all", "granted")]
        contact = world.value("SELECT id FROM contacts")
        path = f"/v1/contacts/{contact}"
        world.clock.pass_(seconds=1)
        assert client.patch(path, {"phone": "+12025550112"}, client.etag(path))[0] == 200
        assert self.granted(world) == []
        last = world.rows("SELECT action, source, actor_id FROM consent_events ORDER BY recorded_at, id")[-1]
        assert last == {"action": "lapse", "source": "staff", "actor_id": client.user_id}

    @pytest.mark.parametrize("email", ["new@b.test", ""])
    def test_E17_consent_does_not_travel_to_a_new_mail_address(
        self, client: Client, world: World, email: str
    ):
        made = add(client, email="a@b.test", phone="+12025550111")
        ids = {"organization_id": client.org.id, "contact_id": UUID(made["id"]), "channel_kind": "email"}
        event, now = uuid4(), world.clock.now
        about = {**ids, "purpose": "all", "source": "staff"}
        at = {"action": "grant", "scope": "organization", "occurred_at": now, "recorded_at": now}
        world._insert("consent_events", {**about, **at, "id": event})
        world._insert("consent_states", {**about, "state": "granted", "event_id": event, "since": now})
        path = f"/v1/contacts/{made['id']}"
        world.clock.pass_(seconds=1)
        assert client.patch(path, {"email": "A@B.test", "name": "Ada"}, client.etag(path))[0] == 200
        assert self.granted(world) == [("email", "all", "granted")]  # the same one, written otherwise
        assert client.patch(path, {"email": email}, client.etag(path))[0] == 200
        assert self.granted(world) == []

    def test_E17_an_opt_out_holds_for_the_new_mail_address_too(self, client: Client, world: World):
        made = add(client, email="a@b.test")
        hashes = runtime.of("api").hashes
        old, new = (address_hashes(hashes, client.org.id, [one])[0] for one in ("a@b.test", "new@b.test"))
        row = {"organization_id": client.org.id, "channel_kind": "email", "number_hash": old}
        world._insert(
            "suppressions", {**row, "purpose": "all", "source": "unsubscribe", "since": world.clock.now}
        )
        path = f"/v1/contacts/{made['id']}"
        assert client.patch(path, {"email": "New@b.test"}, client.etag(path))[0] == 200
        held = world.rows("SELECT number_hash FROM suppressions WHERE channel_kind = 'email'")
        assert {bytes(row["number_hash"]) for row in held} == {old, new}

    def test_nobody_loses_the_only_address_they_are_reached_by(self, client: Client):
        path = f"/v1/contacts/{add(client, email='a@b.test')['id']}"
        problem(client.patch(path, {"email": ""}, client.etag(path)), 422, "unreachable")
        assert client.patch(path, {"email": "", "phone": "+12025550111"}, client.etag(path))[0] == 200
        problem(client.patch(path, {"phone": None}, client.etag(path)), 422, "unreachable")

    def test_E17_texts_go_to_the_corrected_number(self, client: Client, line: Line, world: World):
        thread = world.conversation(line, sender="+12025550111")
        world.execute("UPDATE conversations SET address = '+12025550111'")
        path = f"/v1/contacts/{world.value('SELECT id FROM contacts')}"
        assert client.patch(path, {"phone": "+12025550112"}, client.etag(path))[0] == 200
        world.reply(line, thread, "hello")
        world.work("send_message")
        assert world.sender.texts[-1].recipient == "+12025550112"

    def test_E17_an_opt_out_holds_for_the_new_number_too(self, client: Client, line: Line, world: World):
        world.text(line, "STOP", sender="+12025550111")
        thread = world.conversation(line, sender="+12025550111")
        path = f"/v1/contacts/{world.value('SELECT id FROM contacts')}"
        assert client.patch(path, {"phone": "+12025550112"}, client.etag(path))[0] == 200
        assert self.granted(world) == [("sms", "all", "revoked")]
        refused = world.reply(line, thread, "hello")
        world.work("send_message")
        assert world.message(refused)["status"] == "refused"
        # Whoever is written down with either number is not written to.
        world.execute("UPDATE contacts SET phone = '+12025550199'")
        for number in ("+12025550111", "+12025550112"):
            made = add(client, phone=number)
            assert made["phone"] == number
            suppressed = world.value("SELECT count(*) FROM suppressions WHERE channel_kind = 'sms'")
            assert suppressed == 2
