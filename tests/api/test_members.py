"""Members and roles: who may give which, what a role change and a removal end at once, and the last owner."""

from typing import Any
from uuid import uuid4

import pytest

from leadsrally.accounts.types import ROLES
from tests.api.conftest import Client, person, problem
from tests.world import Line, World

PATH = "/v1/members"


def path(who: Client) -> str:
    return f"{PATH}/{who.user_id}"


def give(by: Client, whom: Client, role: str) -> tuple[int, Any]:
    return by.patch(path(whom), {"role": role}, by.etag(path(whom)))


def remove(by: Client, whom: Client) -> tuple[int, Any]:
    return by.delete(path(whom), by.etag(path(whom)))


def role_of(world: World, who: Client) -> str | None:
    found = world.rows("SELECT role FROM users WHERE id = %(id)s", id=who.user_id)
    return found[0]["role"] if found else None


class TestList:
    def test_everybody_sees_who_there_is(self, world: World, client: Client):
        everyone = [client]
        for role in ROLES[1:]:
            world.clock.pass_(seconds=1)
            everyone.append(person(world, client.org, role))
        for who in everyone:
            page = who.get(PATH)[1]
            assert [row["id"] for row in page["items"]] == [str(p.user_id) for p in reversed(everyone)]
        assert [row["role"] for row in page["items"]] == list(reversed(ROLES))
        first = page["items"][0]
        assert first == client.get(f"{PATH}/{first['id']}")[1]
        assert first["etag"] == client.etag(f"{PATH}/{first['id']}")
        assert "password" not in str(page)

    def test_pages(self, world: World, client: Client):
        for _ in range(4):
            person(world, client.org)
        _, first = client.get(f"{PATH}?limit=3")
        _, second = client.get(f"{PATH}?limit=3&cursor={first['next']}")
        assert len({row["id"] for row in first["items"] + second["items"]}) == 5

    def test_a_blocked_address_is_shown(self, world: World, client: Client):
        world.execute("UPDATE users SET mail_blocked_at = created_at, mail_blocked_because = 'bounced'")
        assert client.get(PATH)[1]["items"][0]["mail_blocked_because"] == "bounced"


# Who may give which role to whom: the asker's role, the other's, the new one. Everything else is refused.
GIVEN = {
    *(("owner", old, new) for old in ROLES for new in ROLES),
    *(("admin", old, new) for old in ROLES[1:] for new in ROLES[1:]),
}


class TestRole:
    @pytest.mark.parametrize("asker", ROLES)
    def test_T11_the_whole_table(self, world: World, client: Client, asker: str):
        by = person(world, client.org, asker)
        for old in ROLES:
            for new in ROLES:
                whom = person(world, client.org, old)
                status, body = give(by, whom, new)
                allowed = (asker, old, new) in GIVEN
                assert status == (200 if allowed else 403), (old, new, body)
                assert role_of(world, whom) == (new if allowed else old)

    @pytest.mark.parametrize("role", ROLES[1:])
    def test_T11_nobody_makes_themself_an_owner(self, world: World, client: Client, role: str):
        climber = person(world, client.org, role)
        code = "owners_only" if role == "admin" else "forbidden"
        problem(give(climber, climber, "owner"), 403, code)
        assert role_of(world, climber) == role

    def test_one_may_step_down(self, world: World, client: Client):
        person(world, client.org, "owner")
        assert give(client, client, "viewer")[0] == 200
        assert role_of(world, client) == "viewer"

    def test_the_last_owner_stays_one(self, world: World, client: Client):
        problem(give(client, client, "admin"), 409, "last_owner")
        problem(remove(client, client), 409, "last_owner")
        assert role_of(world, client) == "owner"

    def test_it_is_written_down_and_told(self, world: World, client: Client):
        whom = person(world, client.org, "agent")
        assert give(client, whom, "admin")[1]["role"] == "admin"
        row = world.row("SELECT * FROM audit_log WHERE action = 'member.role_changed'")
        assert (row["actor_id"], row["target_kind"], row["target_id"]) == (
            client.user_id,
            "user",
            whom.user_id,
        )
        assert row["details"] == {"from": "agent", "to": "admin"}
        job = world.row("SELECT kind, payload FROM jobs WHERE queue = 'notify'")
        assert job == {"kind": "role_changed", "payload": {"user_id": str(whom.user_id)}}

    def test_the_same_role_again_is_no_change(self, world: World, client: Client):
        whom = person(world, client.org, "agent")
        assert give(client, whom, "agent")[0] == 200
        assert world.rows("SELECT 1 FROM audit_log") == []

    def test_two_who_edit_at_once_lose_nothing(self, world: World, client: Client):
        whom, other = person(world, client.org, "agent"), person(world, client.org, "admin")
        etag = client.etag(path(whom))
        assert client.patch(path(whom), {"role": "viewer"}, etag)[0] == 200
        problem(other.patch(path(whom), {"role": "admin"}, etag), 412, "stale")
        problem(other.delete(path(whom), etag), 412, "stale")
        problem(other.delete(path(whom)), 428, "if_match_missing")
        assert role_of(world, whom) == "viewer"

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"role": "god"},
            {"role": None},
            {"role": ["owner"]},
            {"role": "agent", "email": "new@example.test"},
            {"role": "agent", "organization_id": str(uuid4())},
            {"role": "agent", "password_hash": "x"},
            {"role": "agent", "version": 7},
        ],
    )
    def test_T11_what_is_not_offered(self, world: World, client: Client, body: Any):
        whom = person(world, client.org, "viewer")
        problem(client.patch(path(whom), body, client.etag(path(whom))), 422, "malformed")
        assert role_of(world, whom) == "viewer"

    def test_T1_somebody_of_another_tenant_is_nobody(self, world: World, client: Client):
        stranger = person(world, world.organization("Rival"), "agent")
        for answer in (
            client.get(path(stranger)),
            client.patch(path(stranger), {"role": "viewer"}, '"1"'),
            client.delete(path(stranger), '"1"'),
        ):
            problem(answer, 404, "member_not_found")
        assert role_of(world, stranger) == "agent"


class TestRemoval:
    def test_E11_what_they_wrote_stays(self, world: World, client: Client, line: Line):
        gone = person(world, client.org, "agent")
        thread = world.conversation(line)
        _, queued = gone.post(f"/v1/conversations/{thread}/messages", {"body": "hello"})
        assert remove(client, gone) == (204, None)
        _, page = client.get(f"/v1/conversations/{thread}/messages")
        (written,) = [row for row in page["items"] if row["id"] == queued["id"]]
        assert written["author_id"] == str(gone.user_id)
        problem(client.get(path(gone)), 404, "member_not_found")

    def test_T12_they_are_out_at_once(self, world: World, client: Client):
        gone = person(world, client.org, "agent")
        token = gone.token
        assert world.api("GET", "/v1/me", token)[0] == 200
        remove(client, gone)
        assert world.api("GET", "/v1/me", token)[0] == 401

    def test_nothing_of_theirs_that_opens_a_door_is_left(self, world: World, client: Client):
        gone = person(world, client.org, "agent")
        now = world.clock.now
        mine = {"organization_id": client.org.id, "user_id": gone.user_id}
        hashed = b"h" * 32
        for table, row in {
            "sessions": {"id": uuid4(), "kind": "client", "token_hash": hashed, "rotated_at": now,
                         "confirmed_at": now, "created_at": now, "last_used_at": now, "expires_at": now},
            "api_keys": {"id": uuid4(), "name": "k", "key_hash": hashed, "scopes": [], "created_at": now},
            "second_factors": {"secret": b"s", "created_at": now},
            "recovery_codes": {"code_hash": hashed},
            "password_resets": {"id": uuid4(), "created_at": now, "expires_at": now},
            "email_changes": {"id": uuid4(), "old_email": "a@b.test", "new_email": "c@d.test", "created_at": now,
                              "expires_at": now},
        }.items():  # fmt: skip
            world._insert(table, {**mine, **row})
        assert remove(client, gone)[0] == 204
        left = world.rows(
            """SELECT table_name AS name FROM information_schema.columns
                WHERE table_schema = 'public' AND column_name = 'user_id' AND table_name <> 'acceptances'"""
        )
        assert len(left) >= 6
        for row in left:
            count = f"SELECT count(*) FROM {row['name']} WHERE user_id = %(id)s"
            assert world.value(count, id=gone.user_id) == 0, row["name"]

    def test_it_is_written_down(self, world: World, client: Client):
        gone = person(world, client.org, "agent")
        remove(client, gone)
        row = world.row("SELECT * FROM audit_log WHERE action = 'member.removed'")
        assert (row["actor_id"], row["target_id"]) == (client.user_id, gone.user_id)
        assert row["details"] == {"role": "agent"}

    def test_T11_an_admin_removes_no_owner(self, world: World, client: Client):
        admin = person(world, client.org, "admin")
        problem(remove(admin, client), 403, "owners_only")
        assert role_of(world, client) == "owner"


class TestLeaving:
    @pytest.mark.parametrize("role", ROLES)
    def test_everybody_may(self, world: World, client: Client, role: str):
        leaver = person(world, client.org, role)
        token = leaver.token
        assert leaver.delete("/v1/me") == (204, None)
        assert role_of(world, leaver) is None
        assert world.api("GET", "/v1/me", token)[0] == 401
        row = world.row("SELECT * FROM audit_log WHERE action = 'member.removed'")
        assert row["actor_id"] == row["target_id"] == leaver.user_id

    def test_but_the_last_owner(self, world: World, client: Client):
        person(world, client.org, "admin")
        problem(client.delete("/v1/me"), 409, "last_owner")
        assert role_of(world, client) == "owner"


class TestConfirmed:
    def test_A13_an_old_log_in_is_not_enough(self, world: World, client: Client):
        whom = person(world, client.org, "agent")
        etag = client.etag(path(whom))
        assert client.token
        world.clock.pass_(minutes=10)
        for answer in (
            client.patch(path(whom), {"role": "viewer"}, etag),
            client.delete(path(whom), etag),
            client.delete("/v1/me"),
        ):
            problem(answer, 403, "confirmation_needed")
        assert role_of(world, whom) == "agent"


class TestRefusalsAreKept:
    """T11: what somebody tried beyond their role stands in the audit log, and nothing else is left of it."""

    def test_T11_by_role(self, world: World, client: Client):
        agent = person(world, client.org, "agent")
        problem(give(agent, agent, "owner"), 403, "forbidden")
        row = world.row("SELECT * FROM audit_log WHERE action = 'permission.refused'")
        assert (row["actor_kind"], row["actor_id"]) == ("person", agent.user_id)
        assert row["details"] == {"action": "members.manage", "role": "agent", "reason": "forbidden"}

    def test_T11_by_the_rule_for_owners(self, world: World, client: Client):
        admin = person(world, client.org, "admin")
        problem(give(admin, admin, "owner"), 403, "owners_only")
        row = world.row("SELECT * FROM audit_log WHERE action = 'permission.refused'")
        assert row["details"] == {"action": "members.manage", "role": "admin", "reason": "owners_only"}

    def test_a_confirmation_that_is_asked_for_is_no_refusal(self, world: World, client: Client):
        assert client.token
        world.clock.pass_(minutes=10)
        problem(client.delete("/v1/me"), 403, "confirmation_needed")
        assert world.rows("SELECT 1 FROM audit_log WHERE action = 'permission.refused'") == []
