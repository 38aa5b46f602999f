"""Coming in by an invitation: once, in time, at the invited address, with the invited role, while the inviter may."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.accounts import invitations
from leadsrally.kit import links
from leadsrally.kit.settings import Settings
from tests.api.conftest import Client, person, problem
from tests.world import SETTINGS, World

LINK_KEY = Settings(SETTINGS).key("LEADSRALLY_LINK_KEY")
PASSWORD = "seven lazy kettles whistle"
GUEST = "Guest@example.test"
ATTESTED: dict[str, Any] = {
    "business_use": True,
    "age_16": True,
    "terms_version": "2026-04-17",
    "policy_version": "2026-04-17",
}

pytestmark = pytest.mark.usefixtures("quick")


def invite(by: Client, email: str = GUEST, role: str = "agent") -> UUID:
    status, made = by.post("/v1/invitations", {"email": email, "role": role})
    assert status == 201, made
    return UUID(made["id"])


def token_of(org_id: UUID, invitation_id: UUID, purpose: str = invitations.LINK) -> str:
    """What stands in the link of the mail."""
    return links.sign(LINK_KEY, purpose, org_id, invitation_id)


def accept(world: World, token: str, **changes: Any) -> tuple[int, Any]:
    return world.api(
        "POST", "/v1/auth/accept", None, {"token": token, "password": PASSWORD, **ATTESTED, **changes}
    )


def log_in(world: World, email: str = GUEST, password: str = PASSWORD) -> tuple[int, Any]:
    return world.api("POST", "/v1/auth/login", None, {"email": email, "password": password})


def everybody(world: World) -> list[Any]:
    return world.rows("SELECT id, email, role FROM users ORDER BY id")


class TestAccept:
    @pytest.mark.parametrize("role", ["owner", "admin", "agent", "viewer"])
    def test_they_are_in_with_the_role_they_were_invited_for(self, world: World, client: Client, role: str):
        token = token_of(client.org.id, invite(client, role=role))
        assert accept(world, token) == (204, None)
        _, tokens = log_in(world)
        _, me = world.api("GET", "/v1/me", tokens["access_token"])
        assert (me["email"], me["role"]) == (GUEST, role)
        assert me["organization"]["id"] == str(client.org.id)
        (row,) = client.get("/v1/invitations")[1]["items"]
        assert row["state"] == "accepted"

    def test_the_link_of_the_mail_is_that_link(self, world: World, client: Client):
        invitation_id = invite(client)
        world.work("notify")
        (mail,) = world.mailer.mails
        assert token_of(client.org.id, invitation_id) in mail.text

    def test_it_is_written_down(self, world: World, client: Client):
        accept(world, token_of(client.org.id, invite(client)))
        joined = world.value("SELECT id FROM users WHERE email = %(email)s", email=GUEST)
        row = world.row("SELECT * FROM audit_log WHERE action = 'member.joined'")
        assert (row["actor_id"], row["target_id"], row["details"]) == (joined, joined, {"role": "agent"})

    def test_P9_1_what_was_attested_is_kept_as_evidence(self, world: World, client: Client):
        accept(world, token_of(client.org.id, invite(client)))
        rows = world.rows("SELECT document, document_version, accepted_at FROM acceptances")
        assert {row["document"] for row in rows} == {"terms", "privacy_policy", "business_use", "age"}
        assert {row["document_version"] for row in rows} == {"2026-04-17"}
        assert {row["accepted_at"] for row in rows} == {world.clock.now}

    @pytest.mark.parametrize("field", ["business_use", "age_16"])
    def test_P9_1_without_an_attestation_nobody_comes_in(self, world: World, client: Client, field: str):
        token = token_of(client.org.id, invite(client))
        problem(accept(world, token, **{field: False}), 422, "attestation_needed")
        assert len(everybody(world)) == 1

    @pytest.mark.parametrize(
        "password", ["short", "password123", "x" * 73, "guest@example.test", "Harbour Bikes"]
    )
    def test_a_password_that_is_none(self, world: World, client: Client, password: str):
        token = token_of(client.org.id, invite(client))
        assert accept(world, token, password=password)[0] == 422
        assert len(everybody(world)) == 1
        assert accept(world, token) == (204, None)


class TestRefused:
    def test_A12_a_second_use(self, world: World, client: Client):
        token = token_of(client.org.id, invite(client))
        assert accept(world, token)[0] == 204
        before = everybody(world)
        problem(accept(world, token, password="another one that is long"), 404, "link_invalid")
        assert everybody(world) == before
        assert log_in(world, password="another one that is long")[0] == 401

    def test_A12_twice_at_once(self, world: World, client: Client):
        token = token_of(client.org.id, invite(client))
        gate = threading.Barrier(4)

        def go(_number: int) -> int:
            gate.wait(10)
            return accept(world, token)[0]

        with ThreadPoolExecutor(4) as threads:
            assert sorted(threads.map(go, range(4))) == [204, 404, 404, 404]
        assert len(everybody(world)) == 2

    def test_A12_after_it_was_revoked(self, world: World, client: Client):
        invitation_id = invite(client)
        client.delete(f"/v1/invitations/{invitation_id}")
        problem(accept(world, token_of(client.org.id, invitation_id)), 404, "link_invalid")

    def test_A12_after_a_week(self, world: World, client: Client):
        token = token_of(client.org.id, invite(client))
        world.clock.pass_(days=7)
        problem(accept(world, token), 404, "link_invalid")
        world.clock.pass_(microseconds=-1)
        assert accept(world, token)[0] == 204

    @pytest.mark.parametrize(
        "sent", [{"role": "owner"}, {"email": "mine@example.test"}, {"user_id": str(uuid4())}]
    )
    def test_A12_another_role_or_address(self, world: World, client: Client, sent: dict[str, str]):
        token = token_of(client.org.id, invite(client))
        problem(accept(world, token, **sent), 422, "malformed")
        assert len(everybody(world)) == 1

    def test_A12_the_place_of_another_invitation(self, world: World, client: Client):
        """Signed for this row of this tenant and for this purpose, and good for nothing else."""
        rival = person(world, world.organization("Rival"))
        mine, theirs = invite(client), invite(rival, "other@example.test", "owner")
        token = token_of(client.org.id, mine)
        forged = [
            token_of(client.org.id, theirs),
            token_of(rival.org.id, mine),
            token_of(client.org.id, uuid4()),
            token_of(client.org.id, mine, "signup"),
            token_of(client.org.id, mine, "reset"),
            token[:-1],
            token[:-1] + ("A" if token[-1] != "A" else "B"),
            "x",
            "",
        ]
        for one in forged:
            problem(accept(world, one), 404, "link_invalid")
        assert len(everybody(world)) == 2
        assert accept(world, token)[0] == 204

    @pytest.mark.parametrize("how", ["demoted", "removed"])
    def test_A12_whose_inviter_may_not_invite_any_more(self, world: World, client: Client, how: str):
        admin = person(world, client.org, "admin")
        token = token_of(client.org.id, invite(admin))
        path = f"/v1/members/{admin.user_id}"
        if how == "demoted":
            assert client.patch(path, {"role": "agent"}, client.etag(path))[0] == 200
        else:
            assert client.delete(path, client.etag(path))[0] == 204
        problem(accept(world, token), 404, "link_invalid")

    def test_A12_an_owner_by_one_who_is_no_owner_any_more(self, world: World, client: Client):
        other = person(world, client.org, "owner")
        token = token_of(client.org.id, invite(other, role="owner"))
        path = f"/v1/members/{other.user_id}"
        assert client.patch(path, {"role": "admin"}, client.etag(path))[0] == 200
        problem(accept(world, token), 404, "link_invalid")
        assert [row["role"] for row in everybody(world)].count("owner") == 1

    def test_an_address_that_got_an_account_elsewhere(self, world: World, client: Client):
        token = token_of(client.org.id, invite(client))
        stranger = person(world, world.organization("Rival"))
        world.execute("UPDATE users SET email = lower(%(e)s) WHERE id = %(id)s", e=GUEST, id=stranger.user_id)
        problem(accept(world, token), 409, "address_taken")
        assert world.value("SELECT accepted_at FROM invitations") is None

    def test_too_many_links(self, world: World):
        answers = [accept(world, links.sign(LINK_KEY, "invite", uuid4(), uuid4()))[0] for _ in range(31)]
        assert answers == [404] * 30 + [429]

    def test_G4_no_answer_repeats_what_was_sent(self, world: World, client: Client):
        canary = "CANARY-of-a-password-1"
        for sent in ({"password": canary}, {"token": canary}, {"terms_version": canary + "!"}):
            token = token_of(client.org.id, uuid4())
            assert "CANARY" not in str(accept(world, **{"token": token, **sent}))
