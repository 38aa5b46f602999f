"""Doors of our mail killed with SIGKILL, and what the next one makes of what they left: one mail, one report."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from infra.simulators.resend import ResendSimulator
from infra.simulators.running import Running
from tests.faults.conftest import Mortals
from tests.notices.conftest import Office
from tests.world import Org, World

KILLED = -signal.SIGKILL


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ResendSimulator, Running]]:
    simulator = ResendSimulator(pause=None)
    with Running(simulator) as running:
        yield simulator, running


@pytest.fixture
def provider(server: tuple[ResendSimulator, Running]) -> ResendSimulator:
    server[0].forget()
    return server[0]


@pytest.fixture
def office(world: World, org: Org) -> Office:
    return Office(world, org)


@pytest.fixture
def mortals(mortals: Mortals, server: tuple[ResendSimulator, Running]) -> Mortals:
    return replace(mortals, settings={**mortals.settings, "RESEND_BASE_URL": server[1].base_url})


@pytest.fixture
def job(office: Office) -> UUID:
    return office.world.notify(office.org.id, "invitation", invitation_id=office.invitation())


def posts(provider: ResendSimulator) -> int:
    return sum(entry["path"] == "/emails" for entry in provider.recorder.log())


class TestOverACall:
    def test_Q3_after_the_provider_has_taken_it(
        self, office: Office, mortals: Mortals, provider: ResendSimulator, job: UUID
    ):
        """The next worker asks with the same key, and gets the same answer for the same mail."""
        assert mortals.run("work", queue="notify", die="after_accept") == KILLED
        (letter,) = provider.mailbox.letters
        assert office.notice()["state"] == "queued"
        assert mortals.run("work", queue="notify") == 0
        assert posts(provider) == 1, "the lease of the dead one must run out first"
        mortals.later("notify", minutes=3)
        assert (office.notice()["state"], office.notice()["provider_id"]) == ("taken", letter.id)
        assert (len(provider.mailbox.letters), posts(provider)) == (1, 2)
        mortals.later("notify", hours=1)
        assert posts(provider) == 2
        assert office.jobs() == []

    def test_Q3_before_the_provider_was_called(
        self, office: Office, mortals: Mortals, provider: ResendSimulator, job: UUID
    ):
        assert mortals.run("work", queue="notify", die="before_call") == KILLED
        assert posts(provider) == 0
        mortals.later("notify", minutes=3)
        assert office.notice()["state"] == "taken"
        assert len(provider.mailbox.letters) == 1

    def test_Q3_a_mail_whose_words_changed_between_the_two_is_still_one(
        self, office: Office, mortals: Mortals, provider: ResendSimulator, job: UUID
    ):
        assert mortals.run("work", queue="notify", die="after_accept") == KILLED
        office.world.execute("UPDATE organizations SET name = 'Harbour Bikes & Boats'")
        mortals.later("notify", minutes=3)
        assert len(provider.mailbox.letters) == 1
        assert office.notice()["state"] == "taken"

    def test_Q3_an_address_that_changed_between_the_two_is_not_mailed_as_well(
        self, office: Office, mortals: Mortals, provider: ResendSimulator
    ):
        office.world.notify(office.org.id, "role_changed", user_id=office.agent)
        assert mortals.run("work", queue="notify", die="after_accept") == KILLED
        office.world.execute(
            "UPDATE users SET email = 'new@harbour.example' WHERE id = %(id)s", id=office.agent
        )
        mortals.later("notify", minutes=3)
        assert [letter.to for letter in provider.mailbox.letters] == ["agent@harbour.example"]
        assert office.notice()["address"] == "agent@harbour.example"

    def test_what_was_not_committed_never_was(
        self, office: Office, mortals: Mortals, provider: ResendSimulator, job: UUID
    ):
        assert mortals.run("work", queue="notify", die="before_commit") == KILLED
        assert (office.notices(), posts(provider)) == ([], 0)
        mortals.later("notify", minutes=3)
        assert len(provider.mailbox.letters) == 1

    def test_Q15_killed_again_and_again_it_is_one_mail(
        self, office: Office, mortals: Mortals, provider: ResendSimulator, job: UUID
    ):
        for _ in range(5):
            assert mortals.run("work", queue="notify", die="after_accept") == KILLED
            office.world.clock.pass_(minutes=3)
            mortals.tick()
        mortals.later("notify", minutes=3)
        assert (len(provider.mailbox.letters), posts(provider)) == (1, 6)
        assert office.notice()["state"] == "taken"


class TestAtTheWebhook:
    def _bounce(self, office: Office) -> dict[str, Any]:
        return office.world.mail_event(
            "email.bounced",
            organization_id=office.org.id,
            notice_id=office.notice()["id"],
            bounce={"type": "Permanent", "subType": "General"},
        )

    @pytest.mark.parametrize(("die", "first"), [("before_reply", 1), ("before_commit", 0)])
    def test_W15_killed_and_told_again(
        self, office: Office, mortals: Mortals, provider: ResendSimulator, die: str, first: int
    ):
        office.world.notify(office.org.id, "role_changed", user_id=office.agent)
        assert mortals.run("work", queue="notify") == 0
        event = self._bounce(office)
        blocked = "SELECT count(*) FROM users WHERE mail_blocked_at IS NOT NULL"
        ask = lambda: office.world.resend(event, event_id="msg_1")  # noqa: E731
        assert mortals.request(ask, die=die) == KILLED
        assert office.world.value(blocked) == first
        assert mortals.request(ask) == 200
        assert office.world.value(blocked) == 1
        assert office.world.value("SELECT count(*) FROM notice_events") == 1
        log = sorted(row["outcome"] for row in office.world.rows("SELECT outcome FROM delivery_log"))
        assert log == ["applied", "duplicate"][: 1 + first]
