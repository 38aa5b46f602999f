"""T1, T2, T10, T12: every operation of the contract, by every role, with ids of one's own, of another tenant and of
nobody, without a token and with keys of too few scopes. What the contract says of roles is what is answered.
"""

import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.accounts.permissions import ACTIONS
from leadsrally.accounts.types import ROLES
from tests.api.conftest import person, problem
from tests.api.examples import EXAMPLES, OPERATIONS, Tenant, call, operation
from tests.world import World

CLOSED = [found for found in OPERATIONS if "x-action" in operation(*found)]
WITH_IDS = [found for found in CLOSED if "{" in found[1]]
LISTS = [
    found
    for found in CLOSED
    if found not in WITH_IDS and any(p["name"] == "cursor" for p in operation(*found).get("parameters", ()))
]


@pytest.fixture
def home(world: World) -> Tenant:
    return Tenant.new(world, "Harbour Bikes", 0)


@pytest.fixture
def rival(world: World) -> Tenant:
    return Tenant.new(world, "Rival", 5000)


def test_T1_every_operation_has_an_example_and_every_example_an_operation():
    assert EXAMPLES.keys() == set(OPERATIONS)


def held(world: World, tenant: Tenant) -> dict[str, Any]:
    """All rows of a tenant, table by table, as a number that changes with any of them."""
    names = world.rows(
        """SELECT table_name AS name FROM information_schema.columns
            WHERE table_schema = 'public' AND column_name = 'organization_id'
              AND table_name NOT LIKE 'delivery\\_log\\_2%%'"""
    )
    return {
        row["name"]: world.value(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {row['name']} AS t"
            " WHERE organization_id = %(id)s",
            id=tenant.org.id,
        )
        for row in names
    }


class TestMatrix:
    @pytest.mark.parametrize("which", CLOSED, ids=" ".join)
    def test_T1(self, world: World, home: Tenant, rival: Tenant, which: tuple[str, str]):
        roles = operation(*which)["x-roles"]
        theirs = EXAMPLES[which].places(rival, rival.owner)
        ghost = {name: uuid4() for name in theirs}
        before = held(world, rival)
        for role in ROLES:
            # Somebody new for each cell: some of what they do, they do once.
            own = person(world, home.org, role)
            status, body = call(world, which, EXAMPLES[which].places(home, own), own.token)
            assert (status < 300) == (role in roles), (role, status, body)
            if role not in roles:
                problem((status, body), 403, "forbidden")
            if theirs:
                asking = person(world, home.org, role)
                answers = [call(world, which, ids, asking.token) for ids in (theirs, ghost)]
                assert answers[0] == answers[1], role
                assert answers[0][0] == (404 if role in roles else 403), (role, answers[0])
        for ids in (EXAMPLES[which].places(home, home.owner), theirs, ghost):
            problem(call(world, which, ids, None), 401, "token_missing")
            problem(call(world, which, ids, "x"), 401, "token_invalid")
        assert held(world, rival) == before

        self._by_key(world, home, rival, which)

    def _by_key(self, world: World, home: Tenant, rival: Tenant, which: tuple[str, str]) -> None:
        """Of an owner: a key that may do everything else, one that may do this alone, and a rival's own."""
        told = operation(*which)
        own = person(world, home.org, "owner")
        few = home.api_key(own.user_id, [other for other in ACTIONS if other != told["x-action"]]).spell()
        one = home.api_key(own.user_id, [told["x-action"]]).spell()
        theirs = rival.api_key(rival.owner.user_id, [told["x-action"]]).spell()
        places = EXAMPLES[which].places(home, own)
        problem(call(world, which, places, few), 403, "scope_missing")
        answer = call(world, which, places, one, reader=own.token)
        if told.get("x-person"):
            problem(answer, 403, "person_needed")
            return
        assert answer[0] < 300, answer
        if places:
            assert call(world, which, EXAMPLES[which].places(home, own), theirs)[0] == 404


class TestConfirmed:
    def test_A13_an_old_log_in_does_nothing_dangerous(self, world: World, home: Tenant):
        dangerous = [found for found in CLOSED if operation(*found).get("x-confirmed")]
        assert len(dangerous) > 5
        for which in dangerous:
            own = person(world, home.org, "owner")
            places = EXAMPLES[which].places(home, own)
            assert own.token
            world.clock.pass_(minutes=10)
            problem(call(world, which, places, own.token), 403, "confirmation_needed")


def busy(tenant: Tenant) -> None:
    """Let there be something of everything, twice."""
    for which in WITH_IDS:
        EXAMPLES[which].places(tenant, tenant.owner)
        EXAMPLES[which].places(tenant, tenant.owner)
    for _ in range(2):
        assert call(tenant.world, ("PATCH", "/v1/organization"), {}, tenant.owner.token)[0] == 200
    EXAMPLES["GET", "/v1/account/deletion"].places(tenant, tenant.owner)
    windows = ("PATCH", "/v1/retention")
    assert (
        call(tenant.world, windows, EXAMPLES[windows].places(tenant, tenant.owner), tenant.owner.token)[0]
        == 200
    )
    for kind in ("notes", "media"):
        now = tenant.world.clock.now
        tenant.world._insert(
            "retention_runs",
            {
                "organization_id": tenant.org.id,
                "id": uuid4(),
                "kind": kind,
                "cutoff": now,
                "due_before": 1,
                "started_at": now,
            },
        )
    accept = ("POST", "/v1/policy/acceptances")
    assert (
        call(tenant.world, accept, EXAMPLES[accept].places(tenant, tenant.owner), tenant.owner.token)[0]
        == 201
    )


# What the other tenant has chosen, where an answer holds no id: the days of its own windows.
OF_NOBODY_ELSE = [f'"days": {days}' for days in EXAMPLES["PATCH", "/v1/retention"].body().values()]


class TestLists:
    def test_T1_nothing_of_another_tenant_is_in_any_answer(self, world: World, home: Tenant, rival: Tenant):
        """Every id that occurs in any row of the other tenant, looked for in every answer without an id."""
        busy(rival)
        ids = {*_ids(world, rival), *OF_NOBODY_ELSE}
        assert len(ids) > 20
        for which in CLOSED:
            if which[0] == "GET" and "{" not in which[1]:
                told = json.dumps(call(world, which, {}, home.owner.token))
                assert not [found for found in ids if found in told], which
                # Else the line above would prove nothing: to the other one some of them are shown.
                shown = json.dumps(call(world, which, {}, rival.owner.token))
                assert [found for found in ids if found in shown], which

    def test_T2_a_cursor_of_another_tenant_opens_nothing_of_it(
        self, world: World, home: Tenant, rival: Tenant
    ):
        busy(rival)
        ids = set(_ids(world, rival))
        assert len(LISTS) > 5
        for which in LISTS:
            joint = "&" if EXAMPLES[which].query else "?"
            path = f"{which[1]}{EXAMPLES[which].query}{joint}limit=1"
            status, page = rival.owner.get(path)
            assert status == 200
            assert page["next"], f"{which} shows no second page"
            mine = json.dumps(home.owner.get(f"{path}&cursor={page['next']}"))
            assert not [found for found in ids if found in mine], which


def _ids(world: World, tenant: Tenant) -> Iterator[str]:
    columns = world.rows(
        """SELECT table_name AS name, column_name AS column FROM information_schema.columns AS c
            WHERE table_schema = 'public' AND data_type = 'uuid' AND table_name NOT LIKE 'delivery\\_log\\_2%%'
              AND EXISTS (SELECT 1 FROM information_schema.columns AS o
                           WHERE o.table_schema = 'public' AND o.table_name = c.table_name
                             AND o.column_name = 'organization_id')"""
    )
    for row in columns:
        found = f"SELECT {row['column']}::text AS id FROM {row['name']} WHERE organization_id = %(id)s"
        yield from (value["id"] for value in world.rows(found, id=tenant.org.id) if value["id"])


# Ids inside bodies, each sent with one of another tenant: test_channels.TestForeign, test_templates,
# test_leads.TestForeign, test_disclosures, test_inbox_together, tests/bulk, tests/privacy/test_export.py,
# tests/erasure/test_erase_contact.py.
TRIED_ELSEWHERE = {
    ("POST", "/v1/exports"): ["contact_id"],
    ("POST", "/v1/erasures"): ["id"],
    ("GET", "/v1/disclosures"): ["contact_id"],
    ("GET", "/v1/contacts"): ["tag"],
    ("POST", "/v1/tags/taggings"): ["contact_ids", "remove"],
    ("POST", "/v1/contacts/bulk"): ["contact_ids", "segment_id", "untag"],
    ("POST", "/v1/contacts/exports"): ["contact_ids", "segment_id"],
    ("POST", "/v1/contacts/count"): ["contact_ids", "segment_id"],
    ("POST", "/v1/contacts/erasures"): ["contact_ids", "segment_id"],
    ("POST", "/v1/channels/number-searches"): ["channel_id"],
    ("POST", "/v1/channels/number-purchases"): ["channel_id"],
    ("POST", "/v1/conversations"): ["contact_id", "channel_id", "upload", "uploads", "reply_to"],
    ("POST", "/v1/conversations/{conversation_id}/messages"): ["uploads", "reply_to"],
    ("POST", "/v1/conversations/{conversation_id}/templates"): ["upload"],
    ("POST", "/v1/conversations/{conversation_id}/choices"): ["upload"],
    ("POST", "/v1/conversations/{conversation_id}/assign"): ["user_id"],
    ("GET", "/v1/conversations"): ["assignee"],
    ("GET", "/v1/leads"): ["form_id", "contact_id"],
    ("POST", "/v1/leads/replay"): ["channel_id"],
    ("PATCH", "/v1/channels/{channel_id}/forms/{form_id}"): ["channel_id"],
}


class TestForeignIdsInside:
    """T2: ids that are not in the path. A field that takes one is filled with one of the other tenant."""

    @pytest.mark.parametrize("which", CLOSED, ids=" ".join)
    def test_T2_no_operation_takes_one_untested(self, which: tuple[str, str]):
        taken = [*_id_fields(operation(*which).get("requestBody", {})), *_id_parameters(operation(*which))]
        assert taken == TRIED_ELSEWHERE.get(which, []), (
            "send each of these with an id of another tenant in tests/api, and name it here"
        )

    def test_the_test_would_notice(self):
        assert _id_fields({"schema": {"properties": {"a": {"items": {"format": "uuid"}}}}}) == ["a"]
        query = {"in": "query", "name": "b", "schema": {"anyOf": [{"format": "uuid"}, {"type": "null"}]}}
        assert _id_parameters({"parameters": [query]}) == ["b"]


def _id_fields(node: Any, name: str = "") -> list[str]:
    if isinstance(node, list):
        return [found for inner in node for found in _id_fields(inner, name)]
    if not isinstance(node, dict):
        return []
    if "$ref" in node:
        from tests.api.examples import CONTRACT

        return _id_fields(CONTRACT["components"]["schemas"][node["$ref"].rpartition("/")[2]], name)
    if node.get("format") == "uuid":
        return [name]
    found: list[str] = []
    for key, inner in node.items():
        if key == "properties":
            found += [one for field, told in inner.items() for one in _id_fields(told, field)]
        else:
            found += _id_fields(inner, name)
    return found


def _id_parameters(told: dict[str, Any]) -> list[str]:
    return [
        parameter["name"]
        for parameter in told.get("parameters", ())
        if parameter["in"] != "path" and _id_fields(parameter["schema"], "x")
    ]


class TestTiming:
    def test_T10_a_foreign_id_takes_as_long_as_none(self, world: World, home: Tenant, rival: Tenant):
        """Asked in turns: if one kind were slower, it would lose more often than a coin does (80 throws, 5 sigma)."""
        foreign = rival.conversation()

        def seconds(identifier: UUID) -> float:
            started = time.perf_counter()
            status, _ = world.api("GET", f"/v1/conversations/{identifier}", token)
            assert status == 404
            return time.perf_counter() - started

        token = home.owner.token
        seconds(foreign)
        slower = 0
        for turn in range(80):
            pair = [foreign, uuid4()] if turn % 2 else [uuid4(), foreign]
            first, second = (seconds(one) for one in pair)
            slower += (first > second) == (pair[0] == foreign)
        assert 17 <= slower <= 63, slower
