"""The policy as it concerns an organisation: the banner, acceptance, and the record of processing."""

from datetime import timedelta
from typing import Any

import pytest

from tests.api.conftest import Client, person, problem
from tests.world import Org, World

_VERSION = """
INSERT INTO policy_versions (id, dated, fingerprint, material, summary, published_at, announced_for, told_at, effective_at)
VALUES (gen_random_uuid(), %(dated)s, sha256('x'), true, 'More.', %(at)s, %(ahead)s, %(told)s, %(effective)s)
"""


@pytest.fixture
def changing(world: World, client: Client) -> Client:
    """One version holds, another is announced."""
    now = world.clock.now
    first = {"dated": "2026-04-17", "at": now - timedelta(days=99), "told": now - timedelta(days=99)}
    world.execute(_VERSION, **first, ahead=now - timedelta(days=60), effective=now - timedelta(days=60))
    world.execute(
        _VERSION, dated="2026-12-01", at=now, ahead=now + timedelta(days=16), told=None, effective=None
    )
    return client


def read(client: Client) -> dict[str, Any]:
    status, told = client.get("/v1/policy")
    assert status == 200
    return told


class TestBanner:
    def test_what_holds_and_what_comes(self, changing: Client):
        told = read(changing)
        assert told["present"]["dated"] == "2026-04-17"
        assert [(one["dated"], one["effective_at"]) for one in told["coming"]] == [("2026-12-01", None)]
        assert told["banner"] is True

    def test_it_goes_when_somebody_accepted_for_the_organisation(
        self, world: World, org: Org, changing: Client
    ):
        status, told = changing.post("/v1/policy/acceptances", {"dated": "2026-12-01"})
        assert (status, told["banner"]) == (201, False)
        assert told["acceptances"][0]["person_id"] == str(changing.user_id)
        assert read(person(world, org, "agent"))["banner"] is False
        log = changing.get("/v1/audit-log")[1]["items"]
        assert [row["action"] for row in log] == ["policy.accepted"]

    def test_accepting_the_old_one_is_not_accepting_the_new_one(self, changing: Client):
        assert changing.post("/v1/policy/acceptances", {"dated": "2026-04-17"})[1]["banner"] is True

    def test_without_a_change_there_is_none(self, client: Client):
        assert read(client) == {"present": None, "coming": [], "acceptances": [], "banner": False}


class TestAccept:
    def test_twice_is_once(self, world: World, changing: Client):
        for _ in range(2):
            assert changing.post("/v1/policy/acceptances", {"dated": "2026-12-01"})[0] == 201
        assert len(world.rows("SELECT 1 FROM acceptances WHERE document = 'privacy_policy'")) == 1

    def test_what_was_never_published(self, changing: Client):
        problem(
            changing.post("/v1/policy/acceptances", {"dated": "2031-01-01"}), 404, "policy_version_not_found"
        )
        problem(changing.post("/v1/policy/acceptances", {"dated": "tomorrow"}), 422, "malformed")

    @pytest.mark.parametrize("role", ["admin", "agent", "viewer"])
    def test_owners_accept(self, world: World, org: Org, changing: Client, role: str):
        asking = person(world, org, role)
        problem(asking.post("/v1/policy/acceptances", {"dated": "2026-12-01"}), 403, "forbidden")


class TestRecord:
    """GDPR Art. 30, for the customer's own records."""

    def test_what_is_kept_why_and_with_whom_it_is_shared(self, world: World, client: Client, org: Org):
        status, told = client.get("/v1/processing-record")
        assert status == 200
        assert told["controller_id"] == str(org.id)
        assert told["hosted_by"] == ["railway"]
        (bodies,) = [
            one for one in told["activities"] if one["table"] == "messages" and one["data"] == ["body"]
        ]
        assert bodies["role"] == "processor"
        assert set(bodies["shared"]) == {"twilio", "meta", "anthropic"}
        assert {one["key"] for one in told["recipients"]} >= set(bodies["shared"])
        assert {one["subject"] for one in told["activities"]} == {"contact", "user", "caller"}

    def test_it_is_not_for_everybody(self, world: World, org: Org):
        problem(person(world, org, "agent").get("/v1/processing-record"), 403, "forbidden")


_FORM: dict[str, Any] = {
    "organization_name": "New Bikes",
    "email": "new@bikes.example",
    "password": "seven lazy kettles whistle",
    "business_use": True,
    "age_16": True,
    "terms_version": "2026-04-17",
}


class TestComingIn:
    """Who signs up while a change is announced accepts the version that is announced."""

    @pytest.mark.usefixtures("quick")
    def test_P10_1_the_newest_and_no_older_one(self, world: World, changing: Client):
        for dated in ("2026-04-17", "2027-01-01", "1"):
            answer = world.api("POST", "/v1/auth/signup", body={**_FORM, "policy_version": dated})
            problem(answer, 409, "policy_outdated")
        assert world.rows("SELECT 1 FROM signups") == []
        newest = {**_FORM, "policy_version": "2026-12-01"}
        assert world.api("POST", "/v1/auth/signup", body=newest)[0] == 202

    def test_P10_1_by_an_invitation_too(self, world: World, changing: Client):
        given = {"token": "x" * 86, "password": "seven lazy kettles whistle", "terms_version": "1"}
        attested = {"business_use": True, "age_16": True, "policy_version": "2026-04-17"}
        problem(world.api("POST", "/v1/auth/accept", body={**given, **attested}), 409, "policy_outdated")
