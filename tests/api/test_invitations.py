"""Invitations: who may invite whom, what is sent, and what an inviter learns of an address (nothing)."""

from typing import Any
from uuid import uuid4

import pytest

from leadsrally.accounts import limits
from leadsrally.accounts.types import ROLES
from tests.api.conftest import Client, person, problem
from tests.world import World

PATH = "/v1/invitations"
GUEST = "Guest@Example.test"


def invite(by: Client, email: str = GUEST, role: str = "agent", **headers: str) -> tuple[int, Any]:
    return by.post(PATH, {"email": email, "role": role}, **headers)


def mails(world: World) -> list[str]:
    found = world.rows("SELECT payload FROM jobs WHERE queue = 'notify' AND kind = 'invitation' ORDER BY id")
    return [row["payload"]["invitation_id"] for row in found]


class TestInvite:
    def test_it_is_open_for_a_week_told_by_mail_and_written_down(self, world: World, client: Client):
        status, made = invite(client)
        assert status == 201
        assert (made["email"], made["role"], made["state"]) == (GUEST, "agent", "open")
        assert made["invited_by"] == str(client.user_id)
        assert mails(world) == [made["id"]]
        row = world.row("SELECT * FROM audit_log WHERE action = 'invitation.sent'")
        assert (row["actor_id"], str(row["target_id"])) == (client.user_id, made["id"])
        assert row["details"] == {"role": "agent"}
        assert client.get(PATH)[1]["items"] == [made]
        world.clock.pass_(days=7, microseconds=-1)
        assert client.get(PATH)[1]["items"][0]["state"] == "open"
        world.clock.pass_(microseconds=1)
        assert client.get(PATH)[1]["items"][0]["state"] == "expired"

    @pytest.mark.parametrize("asker", ROLES)
    def test_T11_the_whole_table(self, world: World, client: Client, asker: str):
        by = person(world, client.org, asker)
        for role in ROLES:
            status, _ = invite(by, f"{role}@example.test", role)
            may = asker == "owner" or (asker == "admin" and role != "owner")
            assert status == (201 if may else 403), role
        assert len(mails(world)) == world.value("SELECT count(*) FROM invitations")

    def test_T11_an_admin_who_invites_themself_as_owner(self, world: World, client: Client):
        admin = person(world, client.org, "admin")
        problem(invite(admin, "me-too@example.test", "owner"), 403, "owners_only")
        row = world.row("SELECT * FROM audit_log WHERE action = 'permission.refused'")
        assert row["details"] == {"action": "members.manage", "role": "admin", "reason": "owners_only"}

    def test_A7_an_address_with_an_account_elsewhere_is_invited_like_any_other(
        self, world: World, client: Client
    ):
        stranger = person(world, world.organization("Rival"))
        known = world.value("SELECT email FROM users WHERE id = %(id)s", id=stranger.user_id)
        answers = [invite(client, email) for email in (known, f"{uuid4().hex[:10]}@example.test")]
        assert [status for status, _ in answers] == [201, 201]
        shapes = [{**made, "id": "", "email": ""} for _, made in answers]
        assert shapes[0] == shapes[1]
        assert len(mails(world)) == 2

    def test_a_member_is_not_invited(self, world: World, client: Client):
        email = world.value("SELECT upper(email) AS e FROM users WHERE id = %(id)s", id=client.user_id)
        problem(invite(client, email), 409, "already_member")

    def test_one_open_invitation_for_an_address(self, world: World, client: Client):
        _, first = invite(client)
        problem(invite(client, GUEST.upper(), "owner"), 409, "already_invited")
        world.clock.pass_(days=7)
        client.confirm()
        assert invite(client)[0] == 201
        states = {row["id"]: row["state"] for row in client.get(PATH)[1]["items"]}
        assert states.pop(first["id"]) == "revoked"
        assert list(states.values()) == ["open"]

    def test_Q16_a_repeat_sends_one_mail(self, world: World, client: Client):
        answers = [invite(client, **{"idempotency-key": "k1"}) for _ in range(2)]
        assert answers[0] == answers[1]
        assert len(mails(world)) == 1
        problem(invite(client, role="viewer", **{"idempotency-key": "k1"}), 409, "idempotency_key_reused")

    @pytest.mark.parametrize(
        "change",
        [
            {"email": ""},
            {"email": "nobody"},
            {"email": "a@b"},
            {"email": "two@at@signs.test"},
            {"email": "a b@example.test"},
            {"email": "a@example.test\r\nBcc: all@example.test"},
            {"email": "x" * 310 + "@example.test"},
            {"email": None},
            {"role": "god"},
            {"invited_by": str(uuid4())},
            {"expires_at": "2100-01-01T00:00:00Z"},
        ],
    )
    def test_I12_what_is_no_invitation(self, world: World, client: Client, change: Any):
        answer = client.post(PATH, {"email": GUEST, "role": "agent", **change})
        assert answer[0] == 422, answer
        assert world.rows("SELECT 1 FROM invitations") == []


class TestRevoke:
    def test_it_is_over(self, world: World, client: Client):
        _, made = invite(client)
        for _ in range(2):
            assert client.delete(f"{PATH}/{made['id']}") == (204, None)
        assert client.get(PATH)[1]["items"][0]["state"] == "revoked"
        assert world.value("SELECT count(*) FROM audit_log WHERE action = 'invitation.revoked'") == 1
        problem(client.delete(f"{PATH}/{uuid4()}"), 404, "invitation_not_found")


class TestResend:
    def again(self, by: Client, invitation_id: str) -> tuple[int, Any]:
        return by.post(f"{PATH}/{invitation_id}/resend")

    def test_it_counts_for_another_week(self, world: World, client: Client):
        _, made = invite(client)
        world.clock.pass_(days=8)
        client.confirm()
        status, again = self.again(client, made["id"])
        assert (status, again["state"], again["id"]) == (202, "open", made["id"])
        assert mails(world) == [made["id"]] * 2
        world.clock.pass_(days=6)
        assert client.get(PATH)[1]["items"][0]["state"] == "open"

    def test_what_is_settled_stays_so(self, world: World, client: Client):
        _, made = invite(client)
        client.delete(f"{PATH}/{made['id']}")
        problem(self.again(client, made["id"]), 409, "invitation_settled")

    def test_P4_5_not_to_an_address_from_which_mail_came_back(self, world: World, client: Client):
        _, made = invite(client)
        world.work("notify")
        notice = world.row("SELECT id FROM notices")
        told = {"organization_id": client.org.id, "notice_id": notice["id"], "bounce": {"type": "Permanent"}}
        assert world.resend(world.mail_event("email.bounced", **told)).status == 200
        (shown,) = client.get(PATH)[1]["items"]
        assert (shown["mail_blocked_because"], bool(shown["mail_blocked_at"])) == ("bounced", True)
        problem(self.again(client, made["id"]), 409, "mail_blocked")
        assert client.delete(f"{PATH}/{made['id']}") == (204, None)
        assert invite(client)[0] == 201  # the right one, or the same once more

    def test_T11_an_owners_invitation_by_owners_only(self, world: World, client: Client):
        _, made = invite(client, role="owner")
        problem(self.again(person(world, client.org, "admin"), made["id"]), 403, "owners_only")

    def test_A12_not_for_somebody_who_may_not_invite_any_more(self, world: World, client: Client):
        admin = person(world, client.org, "admin")
        _, made = invite(admin)
        path = f"/v1/members/{admin.user_id}"
        assert client.patch(path, {"role": "agent"}, client.etag(path))[0] == 200
        problem(self.again(client, made["id"]), 409, "inviter_gone")


class TestLimits:
    def test_nobody_is_mailed_again_and_again(self, world: World, client: Client):
        _, made = invite(client)
        again = [client.post(f"{PATH}/{made['id']}/resend")[0] for _ in range(3)]
        assert again == [202, 202, 429]
        assert len(mails(world)) == 3
        world.clock.pass_(hours=1)
        client.confirm()
        assert client.post(f"{PATH}/{made['id']}/resend")[0] == 202

    def test_nobody_mails_a_town(self, world: World, client: Client):
        burst = limits.INVITATIONS.burst
        assert [invite(client, f"g{n}@example.test")[0] for n in range(burst)] == [201] * burst
        answer = invite(client, "one-more@example.test")
        problem(answer, 429, "too_many_tries")
        assert len(mails(world)) == world.value("SELECT count(*) FROM invitations") == burst
        rival = person(world, world.organization("Rival"))
        assert invite(rival, "one-more@example.test")[0] == 201
