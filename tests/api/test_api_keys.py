"""API keys: shown once, never stronger than their person, counted, replaced with overlap, and dead when they should be."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.accounts import api_key, limits
from leadsrally.accounts.api_key import ApiKey
from leadsrally.accounts.permissions import ACTIONS, MAY
from leadsrally.kit.errors import Unauthenticated
from tests.api.conftest import Client, person, problem
from tests.world import World

PATH = "/v1/api-keys"
READ = ["me.read", "conversations.read"]


def make(by: Client, scopes: list[str] | None = None, **body: Any) -> dict[str, Any]:
    status, shown = by.post(PATH, {"name": "CRM export", "scopes": scopes or READ, **body})
    assert status == 201, shown
    return shown


def use(world: World, key: str, path: str = "/v1/me") -> int:
    return world.api("GET", path, key)[0]


class TestText:
    def test_it_reads_as_it_was_spelled(self):
        key = ApiKey(uuid4(), uuid4(), bytes(range(32)))
        assert api_key.read(key.spell()) == key
        assert len(key.spell()) == 89
        assert "secret" not in repr(key)

    @pytest.mark.parametrize(
        "change",
        [
            lambda text: text[:-1],
            lambda text: text + "A",
            lambda text: text + "==",
            lambda text: text[:-1] + chr(ord(text[-1]) + 1),  # the same bytes, other idle bits
            lambda text: text.replace("lr_", "LR_", 1),
            lambda text: text.replace("lr_", "lr_lr_", 1),
            lambda text: text[:20] + "\n" + text[20:],
            lambda text: text[:20] + "+" + text[21:],
            lambda _: "lr_",
            lambda _: "lr_é",
        ],
    )
    def test_any_other_spelling_is_no_key(self, change: Any):
        key = ApiKey(UUID(int=1), UUID(int=2), bytes(32))
        with pytest.raises(Unauthenticated):
            api_key.read(change(key.spell()))

    def test_what_is_listed_holds_nothing_of_the_secret(self):
        organization_id, key_id = uuid4(), uuid4()
        shown = api_key.prefix_of(organization_id, key_id)
        for secret in (bytes(32), b"\xff" * 32):
            assert ApiKey(organization_id, key_id, secret).spell().startswith(shown)


class TestMake:
    def test_it_opens_the_door_and_is_never_shown_again(self, world: World, client: Client):
        shown = make(client)
        assert use(world, shown["key"]) == 200
        (listed,) = client.get(PATH)[1]["items"]
        assert shown["key"].startswith(listed["prefix"])
        assert (listed["name"], listed["scopes"]) == ("CRM export", READ)
        assert listed["user_id"] == str(client.user_id)
        assert shown["key"] not in json.dumps(listed)

    def test_it_rests_as_a_hash(self, world: World, client: Client):
        spelled = make(client)["key"]
        secret = base64.urlsafe_b64decode(spelled[3:] + "==")[32:]
        for row in world.rows("SELECT to_jsonb(k)::text AS text, key_hash FROM api_keys AS k"):
            assert len(row["key_hash"]) == 32
            assert row["key_hash"] != secret
            assert secret.hex() not in row["text"]
            assert spelled not in row["text"]

    def test_it_is_told_by_mail_and_written_down(self, world: World, client: Client):
        shown = make(client)
        job = world.row("SELECT kind, payload FROM jobs WHERE queue = 'notify'")
        assert job == {"kind": "api_key_created", "payload": {"key_id": shown["id"]}}
        row = world.row("SELECT * FROM audit_log WHERE action = 'api_key.created'")
        assert (row["actor_id"], str(row["target_id"])) == (client.user_id, shown["id"])
        assert "CRM" not in str(row)

    def test_a_repeat_is_told_that_it_was_shown(self, world: World, client: Client):
        body = {"name": "CRM export", "scopes": READ}
        status, shown = client.post(PATH, body, **{"idempotency-key": "k1"})
        assert status == 201
        problem(client.post(PATH, body, **{"idempotency-key": "k1"}), 409, "answer_shown_once")
        assert world.value("SELECT count(*) FROM api_keys") == 1
        assert shown["key"] not in str(world.rows("SELECT * FROM idempotency_keys"))

    @pytest.mark.parametrize("role", ["owner", "admin"])
    def test_T11_it_can_do_no_more_than_its_person(self, world: World, client: Client, role: str):
        maker = person(world, client.org, role)
        everything = [action for action in ACTIONS if role in MAY[action]]
        beyond = [action for action in ACTIONS if role not in MAY[action]]
        assert make(maker, everything)["key"]
        for action in beyond:
            answer = maker.post(PATH, {"name": "x", "scopes": [action]})
            problem(answer, 403, "scope_beyond_role")

    def test_so_many_and_no_more(self, client: Client):
        for _ in range(20):
            make(client)
        problem(client.post(PATH, {"name": "x", "scopes": READ}), 409, "too_many_keys")
        revoked = client.get(PATH)[1]["items"][0]["id"]
        assert client.delete(f"{PATH}/{revoked}")[0] == 204
        make(client)

    @pytest.mark.parametrize(
        "change",
        [
            {"name": ""},
            {"name": "x" * 101},
            {"name": "a\nb"},
            {"scopes": []},
            {"scopes": ["everything"]},
            {"scopes": "me.read"},
            {"scopes": ["me.read"] * 100},
            {"expires_at": "2030-01-01T00:00:00"},
            {"expires_at": "soon"},
            {"user_id": str(uuid4())},
            {"key_hash": "x"},
        ],
    )
    def test_T11_what_no_key_is_like(self, world: World, client: Client, change: Any):
        answer = client.post(PATH, {"name": "x", "scopes": READ, **change})
        problem(answer, 422, "malformed")
        assert world.rows("SELECT 1 FROM api_keys") == []

    def test_an_end_that_is_none(self, world: World, client: Client):
        now = world.clock.now
        for at in (now, now - timedelta(days=1), now + timedelta(days=1831)):
            answer = client.post(PATH, {"name": "x", "scopes": READ, "expires_at": at.isoformat()})
            problem(answer, 422, "expiry_out_of_range")
        extreme = "9999-12-31T23:59:59-14:00"
        problem(
            client.post(PATH, {"name": "x", "scopes": READ, "expires_at": extreme}),
            422,
            "expiry_out_of_range",
        )


class TestUse:
    def test_it_does_what_its_scopes_say(self, world: World, client: Client):
        key = make(client, ["conversations.read"])["key"]
        assert use(world, key, "/v1/conversations") == 200
        problem(world.api("GET", "/v1/me", key), 403, "scope_missing")
        row = world.row("SELECT * FROM audit_log WHERE action = 'permission.refused'")
        assert (row["actor_kind"], row["details"]["reason"]) == ("api_key", "scope_missing")

    def test_T12_a_role_that_shrinks_takes_the_key_along(self, world: World, client: Client):
        admin = person(world, client.org, "admin")
        key = make(admin, ["organization.edit", "me.read"])["key"]
        path = f"/v1/members/{admin.user_id}"
        assert client.patch(path, {"role": "agent"}, client.etag(path))[0] == 200
        assert use(world, key) == 200
        answer = world.api("PATCH", "/v1/organization", key, {"name": "x"}, **{"if-match": '"1"'})
        problem(answer, 403, "forbidden")
        assert client.patch(path, {"role": "admin"}, client.etag(path))[0] == 200
        assert world.api("PATCH", "/v1/organization", key, {"name": "x"}, **{"if-match": '"1"'})[0] == 200

    def test_A13_it_does_nothing_that_a_person_must_confirm(self, world: World, client: Client):
        key = make(client, list(ACTIONS))["key"]
        for method, path, body in (
            ("POST", PATH, {"name": "x", "scopes": READ}),
            ("POST", "/v1/invitations", {"email": "a@b.test", "role": "owner"}),
            ("DELETE", "/v1/me", None),
        ):
            problem(world.api(method, path, key, body), 403, "person_needed")

    def test_what_is_done_stands_under_its_name(self, world: World, client: Client):
        shown = make(client, ["organization.edit", "audit.read"])
        world.api("PATCH", "/v1/organization", shown["key"], {"name": "x"}, **{"if-match": '"1"'})
        row = world.row("SELECT * FROM audit_log WHERE action = 'organization.edited'")
        assert (row["actor_kind"], str(row["actor_id"])) == ("api_key", shown["id"])

    def test_its_use_is_written_down_once_a_minute(self, world: World, client: Client):
        key = make(client)["key"]

        def last_used() -> Any:
            return client.get(PATH)[1]["items"][0]["last_used_at"]

        assert last_used() is None
        use(world, key)
        first = last_used()
        world.clock.pass_(seconds=59)
        use(world, key)
        assert last_used() == first
        world.clock.pass_(seconds=1)
        problem(world.api("GET", "/v1/organization", key), 403, "scope_missing")  # a refusal is a use
        assert last_used() != first

    def test_it_asks_only_so_often(self, world: World, client: Client):
        key, other = make(client)["key"], make(client)["key"]
        burst = limits.API_KEY.burst
        assert [use(world, key) for _ in range(burst)] == [200] * burst
        answer = world.call("/v1/me", method="GET", headers={"authorization": f"Bearer {key}", "host": "x"})
        assert (answer.status, answer.headers["retry-after"]) == (429, "2")
        assert use(world, other) == 200
        assert client.get("/v1/me")[0] == 200
        world.clock.pass_(seconds=1)
        assert use(world, key) == 200

    def test_T13_its_tenant_is_its_own(self, world: World, client: Client):
        """Edited to name another tenant, it is no key of that one."""
        rival = person(world, world.organization("Rival"))
        key = api_key.read(make(client)["key"])
        theirs = api_key.read(make(rival)["key"])
        for forged in (
            ApiKey(rival.org.id, key.id, key.secret),
            ApiKey(rival.org.id, theirs.id, key.secret),
            ApiKey(key.organization_id, theirs.id, key.secret),
            ApiKey(key.organization_id, key.id, theirs.secret),
            ApiKey(uuid4(), key.id, key.secret),
        ):
            problem(world.api("GET", "/v1/me", forged.spell()), 401, "api_key_invalid")


class TestEnd:
    def test_it_ends_when_it_was_to_end(self, world: World, client: Client):
        at = world.clock.now + timedelta(hours=1)
        key = make(client, expires_at=at.isoformat())["key"]
        world.clock.pass_(hours=1, microseconds=-1)
        assert use(world, key) == 200
        world.clock.pass_(microseconds=1)
        problem(world.api("GET", "/v1/me", key), 401, "api_key_invalid")

    def test_it_is_revoked_at_once_by_whoever_manages_keys(self, world: World, client: Client):
        shown = make(client)
        admin = person(world, client.org, "admin")
        assert admin.delete(f"{PATH}/{shown['id']}") == (204, None)
        assert admin.delete(f"{PATH}/{shown['id']}") == (204, None)
        assert use(world, shown["key"]) == 401
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'api_key.revoked'") == 1
        problem(admin.delete(f"{PATH}/{uuid4()}"), 404, "api_key_not_found")

    def test_T12_it_goes_with_its_person(self, world: World, client: Client):
        gone = person(world, client.org, "admin")
        key = make(gone)["key"]
        path = f"/v1/members/{gone.user_id}"
        assert client.delete(path, client.etag(path))[0] == 204
        problem(world.api("GET", "/v1/me", key), 401, "api_key_invalid")
        assert world.rows("SELECT 1 FROM api_keys") == []


class TestRotate:
    def test_both_count_for_a_while(self, world: World, client: Client):
        old = make(client)
        status, new = client.post(f"{PATH}/{old['id']}/rotate", {"overlap_hours": 2})
        assert status == 201
        assert [use(world, shown["key"]) for shown in (old, new)] == [200, 200]
        world.clock.pass_(hours=2, microseconds=-1)
        assert use(world, old["key"]) == 200
        world.clock.pass_(microseconds=1)
        assert [use(world, shown["key"]) for shown in (old, new)] == [401, 200]
        listed = {row["id"]: row for row in client.get(PATH)[1]["items"]}
        assert listed[new["id"]]["scopes"] == listed[old["id"]]["scopes"]

    def test_a_day_unless_something_else_is_said(self, world: World, client: Client):
        old = make(client)
        assert client.post(f"{PATH}/{old['id']}/rotate", {})[0] == 201
        world.clock.pass_(hours=24, microseconds=-1)
        assert use(world, old["key"]) == 200
        world.clock.pass_(microseconds=1)
        assert use(world, old["key"]) == 401

    def test_or_not_at_all(self, world: World, client: Client):
        old = make(client)
        assert client.post(f"{PATH}/{old['id']}/rotate", {"overlap_hours": 0})[0] == 201
        assert use(world, old["key"]) == 401

    def test_an_earlier_end_is_not_put_off(self, world: World, client: Client):
        at = world.clock.now + timedelta(minutes=8)
        old = make(client, expires_at=at.isoformat())
        world.clock.pass_(minutes=4)
        _, new = client.post(f"{PATH}/{old['id']}/rotate", {"overlap_hours": 24})
        world.clock.pass_(minutes=4)
        assert use(world, old["key"]) == 401
        assert use(world, new["key"]) == 200  # eight minutes from its making, as the old one
        world.clock.pass_(minutes=4)
        assert use(world, new["key"]) == 401

    def test_T11_somebody_elses_is_not_handed_over(self, world: World, client: Client):
        admin = person(world, client.org, "admin")
        old = make(client, ["members.read"])
        problem(admin.post(f"{PATH}/{old['id']}/rotate", {}), 404, "api_key_not_found")
        assert world.value("SELECT count(*) FROM api_keys") == 1

    def test_T11_nor_more_than_the_role_allows_by_now(self, world: World, client: Client):
        maker = person(world, client.org, "owner")
        old = make(maker, list(ACTIONS))
        path = f"/v1/members/{maker.user_id}"
        assert client.patch(path, {"role": "admin"}, client.etag(path))[0] == 200
        _, new = maker.post(f"{PATH}/{old['id']}/rotate", {})
        listed = {row["id"]: row["scopes"] for row in client.get(PATH)[1]["items"]}
        assert listed[new["id"]] == [action for action in ACTIONS if "admin" in MAY[action]]

    def test_what_is_dead_stays_so(self, world: World, client: Client):
        old = make(client)
        client.delete(f"{PATH}/{old['id']}")
        problem(client.post(f"{PATH}/{old['id']}/rotate", {}), 409, "api_key_ended")

    @pytest.mark.parametrize("hours", [-1, 169, 1.5, None])
    def test_how_long(self, client: Client, hours: Any):
        old = make(client)
        answer = client.post(f"{PATH}/{old['id']}/rotate", {"overlap_hours": hours})
        problem(answer, 422, "malformed")
