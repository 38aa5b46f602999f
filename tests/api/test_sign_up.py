"""From a form to an organisation that can log in, and what strangers learn on the way."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from leadsrally.kit import links
from leadsrally.kit.settings import Settings
from tests.api.conftest import person, problem
from tests.world import SETTINGS, World

LINK_KEY = Settings(SETTINGS).key("LEADSRALLY_LINK_KEY")
PASSWORD = "seven lazy kettles whistle"
FORM: dict[str, Any] = {
    "organization_name": "Lighthouse Lamps",
    "email": "Ada@lighthouse.example",
    "password": PASSWORD,
    "time_zone": "Europe/Lisbon",
    "country": "PT",
    "language": "pt",
    "business_use": True,
    "age_16": True,
    "terms_version": "2026-04-17",
    "policy_version": "2026-04-17",
}

pytestmark = pytest.mark.usefixtures("quick")


def sign_up(world: World, **changes: Any) -> tuple[int, Any]:
    form = {name: value for name, value in {**FORM, **changes}.items() if value is not None}
    return world.api("POST", "/v1/auth/signup", None, form)


def token_of(world: World, email: str = FORM["email"]) -> str:
    """What stands in the link of the mail."""
    row = world.row("SELECT organization_id, id FROM signups WHERE email = %(email)s", email=email)
    return links.sign(LINK_KEY, "signup", row["organization_id"], row["id"])


def verify(world: World, token: str) -> tuple[int, Any]:
    return world.api("POST", "/v1/auth/verify", None, {"token": token})


def log_in(world: World, email: str = FORM["email"], password: str = PASSWORD) -> tuple[int, Any]:
    return world.api("POST", "/v1/auth/login", None, {"email": email, "password": password})


def mails(world: World) -> list[tuple[str, dict[str, str]]]:
    rows = world.rows("SELECT kind, payload FROM jobs WHERE queue = 'notify' ORDER BY number")
    return [(row["kind"], row["payload"]) for row in rows]


class TestSignUp:
    def test_it_waits_for_the_address_to_be_proven(self, world: World):
        assert sign_up(world) == (202, {"status": "on_its_way"})
        made = world.row("SELECT * FROM organizations")
        told = {name: made[name] for name in ("name", "state", "time_zone", "country", "language")}
        assert told == {
            "name": "Lighthouse Lamps",
            "state": "pending",
            "time_zone": "Europe/Lisbon",
            "country": "PT",
            "language": "pt",
        }
        waiting = world.row("SELECT * FROM signups")
        assert (waiting["organization_id"], waiting["used_at"]) == (made["id"], None)
        assert waiting["expires_at"] == world.clock.now + timedelta(hours=24)
        assert mails(world) == [("verify_signup", {"signup_id": str(waiting["id"])})]
        assert world.rows("SELECT 1 FROM users") == []
        problem(log_in(world), 401, "login_failed")

    def test_only_a_hash_of_the_password_is_kept(self, world: World):
        sign_up(world)
        everything = repr(
            [world.rows(f"SELECT * FROM {name}") for name in ("signups", "jobs", "rate_limits")]
        )
        assert PASSWORD not in everything
        assert world.value("SELECT password_hash FROM signups").startswith("$2b$")

    def test_what_may_be_left_out(self, world: World):
        assert sign_up(world, time_zone=None, country=None, language=None)[0] == 202
        row = world.row("SELECT time_zone, country, language FROM organizations")
        assert row == {"time_zone": "UTC", "country": "US", "language": "en"}

    @pytest.mark.parametrize("missing", ["business_use", "age_16"])
    def test_P9_1_nobody_signs_up_without_both_attestations(self, world: World, missing: str):
        told = problem(sign_up(world, **{missing: False}), 422, "attestation_needed")
        assert "16 years" in told["detail"]
        problem(sign_up(world, **{missing: None}), 422, "malformed")
        assert world.rows("SELECT 1 FROM organizations UNION ALL SELECT 1 FROM rate_limits") == []

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"email": "nobody"}, "email_invalid"),
            ({"email": "a@b.example, c@d.example"}, "email_invalid"),
            ({"email": "a@b.example\r\nBcc: c@d.example"}, "email_invalid"),
            ({"email": "Ada <a@b.example>"}, "email_invalid"),
            ({"email": "a" * 300 + "@b.example"}, "email_invalid"),
            ({"organization_name": "Lamps\r\nBcc: c@d.example"}, "malformed"),
            ({"organization_name": "   "}, "malformed"),
            ({"organization_name": "x" * 201}, "malformed"),
            ({"time_zone": "Atlantis/Capital"}, "time_zone_unknown"),
            ({"time_zone": "../../etc/passwd"}, "time_zone_unknown"),
            ({"country": "XX"}, "country_unknown"),
            ({"country": "pt"}, "country_unknown"),
            ({"country": "portugal"}, "malformed"),
            ({"language": "tlh"}, "malformed"),
            ({"terms_version": ""}, "malformed"),
            ({"password": "short"}, "password_too_short"),
            ({"password": "x9 " * 25}, "password_too_long"),
            ({"password": "Lighthouse Lamps"}, "password_too_common"),
            ({"password": "ada@lighthouse.example"}, "password_too_common"),
            ({"role": "owner"}, "malformed"),
            ({"state": "active"}, "malformed"),
        ],
        ids=str,
    )
    def test_A6_I12_what_is_not_as_it_should_be(self, world: World, changes: dict[str, Any], code: str):
        answer = problem(sign_up(world, **changes), 422, code)
        assert "lighthouse" not in json.dumps(answer).lower()
        assert world.rows("SELECT 1 FROM organizations") == []

    def test_an_address_gets_three_mails_an_hour(self, world: World):
        assert [sign_up(world, email="Ada@lighthouse.example")[0] for _ in range(3)] == [202] * 3
        problem(sign_up(world, email="ada@LIGHTHOUSE.example"), 429, "too_many_tries")
        assert len(mails(world)) == 3
        assert sign_up(world, email="bob@lighthouse.example")[0] == 202
        world.clock.pass_(hours=1)
        assert sign_up(world)[0] == 202


class TestVerify:
    def test_the_owner_can_log_in_from_then_on(self, world: World):
        sign_up(world)
        assert verify(world, token_of(world)) == (200, {"status": "verified"})
        status, token = log_in(world)
        assert status == 200
        _, me = world.api("GET", "/v1/me", token["access_token"])
        assert (me["role"], me["email"]) == ("owner", "Ada@lighthouse.example")
        assert (me["organization"]["name"], me["organization"]["state"]) == ("Lighthouse Lamps", "active")

    def test_P9_1_what_was_accepted_is_kept_with_its_time(self, world: World):
        sign_up(world, terms_version="2026-05-01")
        signed_up_at = world.clock.now
        world.clock.pass_(hours=3)
        verify(world, token_of(world))
        rows = world.rows("SELECT document, document_version, accepted_at, user_id FROM acceptances")
        assert {row["document"]: row["document_version"] for row in rows} == {
            "terms": "2026-05-01",
            "privacy_policy": "2026-04-17",
            "business_use": "2026-05-01",
            "age": "2026-05-01",
        }
        owner = world.value("SELECT id FROM users")
        assert {(row["accepted_at"], row["user_id"]) for row in rows} == {(signed_up_at, owner)}
        created = world.row("SELECT action, actor_id, target_kind FROM audit_log")
        assert created == {"action": "organization.created", "actor_id": owner, "target_kind": "organization"}

    def test_the_first_log_in_from_there_is_no_news(self, world: World):
        sign_up(world)
        verify(world, token_of(world))
        log_in(world)
        assert [kind for kind, _ in mails(world)] == ["verify_signup"]

    def test_a_second_use_says_that_it_is_done(self, world: World):
        sign_up(world)
        token = token_of(world)
        verify(world, token)
        world.clock.pass_(days=3)
        assert verify(world, token) == (200, {"status": "already_verified"})
        assert len(world.rows("SELECT 1 FROM users")) == 1

    def test_it_counts_for_a_day(self, world: World):
        sign_up(world)
        sign_up(world, email="bob@lighthouse.example")
        world.clock.pass_(hours=24, microseconds=-1)
        assert verify(world, token_of(world))[0] == 200
        world.clock.pass_(microseconds=1)
        problem(verify(world, token_of(world, "bob@lighthouse.example")), 404, "link_invalid")

    def test_nobody_keeps_an_address_from_whoever_reads_its_mail(self, world: World):
        """Two sign up with one address; the one whose link is followed has it, whoever was first."""
        sign_up(world, organization_name="Squatters", password="something of a squatter 7")
        sign_up(world)
        rows = world.rows(
            """SELECT s.organization_id, s.id FROM signups AS s
                 JOIN organizations AS o ON o.id = s.organization_id ORDER BY o.name"""
        )
        mine, theirs = (links.sign(LINK_KEY, "signup", row["organization_id"], row["id"]) for row in rows)
        assert verify(world, mine)[0] == 200
        told = problem(verify(world, theirs), 409, "address_taken")
        assert "Log in" in told["detail"]
        assert log_in(world)[0] == 200
        assert world.value("SELECT state FROM organizations WHERE name = 'Squatters'") == "pending"

    def test_A12_links_that_are_none(self, world: World):
        sign_up(world)
        row = world.row("SELECT organization_id, id FROM signups")
        org, row_id = row["organization_id"], row["id"]
        forged = [
            links.sign(b"z" * 32, "signup", org, row_id),
            links.sign(LINK_KEY, "invite", org, row_id),
            links.sign(LINK_KEY, "reset", org, row_id),
            links.sign(LINK_KEY, "signup", uuid4(), row_id),
            links.sign(LINK_KEY, "signup", org, uuid4()),
            token_of(world)[:-1],
            "",
            "x",
        ]
        for token in forged:
            problem(verify(world, token), 404, "link_invalid")
        assert world.rows("SELECT 1 FROM users") == []


class TestStrangers:
    """A7: whether an address has an account is told to whoever reads its mail, and to nobody else."""

    def test_A7_an_address_with_an_account_is_answered_alike(self, world: World):
        org = world.organization()
        owner = person(world, org)
        world.execute("UPDATE users SET email = 'taken@example.test'")
        answers = [sign_up(world, email=email) for email in ("Taken@example.test", "free@example.test")]
        assert answers[0] == answers[1] == (202, {"status": "on_its_way"})
        assert mails(world)[0] == ("account_exists", {"user_id": str(owner.user_id)})
        assert [row["email"] for row in world.rows("SELECT email FROM signups")] == ["free@example.test"]
        row = world.row("SELECT organization_id FROM jobs WHERE kind = 'account_exists'")
        assert row["organization_id"] == org.id

    def test_A8_a_source_can_sign_up_so_often(self, world: World):
        statuses = [sign_up(world, email=f"{uuid4().hex}@example.test")[0] for _ in range(25)]
        assert statuses == [202] * 20 + [429] * 5

    def test_a_pending_organisation_is_out_of_everybodys_reach(self, world: World):
        sign_up(world)
        org: UUID = world.value("SELECT id FROM organizations")
        with pytest.raises(AssertionError):
            world.row("SELECT 1 FROM users WHERE organization_id = %(org)s", org=org)
