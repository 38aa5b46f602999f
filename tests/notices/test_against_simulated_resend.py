"""The whole way: a job, the SDK, a provider that fails on order, and its signed reports back at our door.

G4: what a link or a mailbox is called stays in the mail, whatever breaks on the way.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import pytest

from infra.local.functions import load
from infra.local.host import Host
from infra.simulators.resend import Endpoint, ResendSimulator
from infra.simulators.running import Running
from infra.simulators.sentry import SentrySimulator
from leadsrally.notices.types import Mail
from tests.database import TestDatabase
from tests.fakes import MovableClock
from tests.notices.conftest import Office
from tests.simulators.doors import eventually
from tests.world import APP_URL, SETTINGS, World


@dataclass
class Outside:
    """What there is besides us."""

    resend: ResendSimulator
    sentry: SentrySimulator
    resend_url: str
    sentry_url: str
    doors: Running


@pytest.fixture(scope="module")
def outside() -> Iterator[Outside]:
    resend, sentry = ResendSimulator([SETTINGS["RESEND_API_KEY"]], pause=0.0), SentrySimulator()
    host = Host(load(), threads=4)
    with Running(resend) as mail, Running(sentry) as reports, Running(host) as doors:
        resend.teller.endpoint = Endpoint(
            f"{doors.base_url}/webhooks/resend", [SETTINGS["RESEND_WEBHOOK_SECRETS"]]
        )
        yield Outside(resend, sentry, mail.base_url, reports.base_url, doors)
    host.close()


@pytest.fixture
def world(database: TestDatabase, outside: Outside) -> Iterator[World]:
    """A world at the machine's time, since that is the provider's, with its own providers."""
    outside.resend.forget()
    outside.sentry.recorder.forget()
    settings = {
        "RESEND_BASE_URL": outside.resend_url,
        "SENTRY_DSN": f"{outside.sentry_url.replace('://', '://key@')}/1",
    }
    made = World(database, clock=MovableClock(datetime.now(UTC)), settings=settings).open(real_providers=True)
    yield made
    made.close()


@pytest.fixture
def office(world: World) -> Office:
    return Office(world, world.organization())


def settled(office: Office) -> dict[str, str]:
    """Where each mail stands, once the provider has told everything it had to tell."""
    return {row["address"]: row["state"] for row in office.notices()}


class TestThereAndBack:
    def test_a_mail_arrives_and_we_hear_of_it(self, office: Office, outside: Outside):
        office.happens("reset_password", reset_id=office.reset())
        eventually(lambda: settled(office) == {"agent@harbour.example": "delivered"})
        (letter,) = outside.resend.mailbox.letters
        row = office.notice()
        assert (row["provider_id"], letter.sender) == (letter.id, SETTINGS["LEADSRALLY_MAIL_FROM"])
        assert letter.reply_to == ["support@mail.example.test"]  # P11.1: at the domain of our mail
        assert "privacy@mail.example.test" in letter.text
        assert APP_URL in letter.text
        # The answer reaches the teller after our commit.
        eventually(lambda: [attempt["status"] for attempt in outside.resend.teller.history] == [200, 200])

    def test_P4_5_a_mailbox_that_does_not_exist_is_mailed_once(self, office: Office, outside: Outside):
        bouncing = office.person("bounce@harbour.example")
        office.happens("role_changed", user_id=bouncing)
        eventually(lambda: settled(office) == {"bounce@harbour.example": "bounced"})
        office.happens("password_changed", user_id=bouncing)
        assert len(outside.resend.mailbox.letters) == 1
        assert [row["reason"] for row in office.notices(state="withheld")] == ["mail_blocked"]

    def test_a_mailbox_that_was_put_right_is_mailed_again(self, office: Office, outside: Outside):
        from leadsrally import runtime
        from leadsrally.notices.unblock import unblock

        office.happens("role_changed", user_id=office.agent)
        eventually(lambda: settled(office) == {"agent@harbour.example": "delivered"})
        (letter,) = outside.resend.mailbox.letters
        outside.resend.mailbox.suppressed["agent@harbour.example"] = "s-1"
        assert office.hears("bounced", office.notice(), bounce={"type": "Permanent"}) == 200
        with runtime.of("api").db.tenant(office.org.id) as tx:
            assert unblock(tx, office.org.id, office.agent, by=office.owner, now=office.world.clock.now)
        office.world.work("notify")
        assert outside.resend.mailbox.suppressed == {}
        office.happens("password_changed", user_id=office.agent)
        eventually(lambda: [row["state"] for row in office.notices()] == ["bounced", "delivered"])
        assert letter.id != outside.resend.mailbox.letters[-1].id

    def test_G2_any_mixture_of_faults_never_doubles_a_mail_and_loses_none(
        self, office: Office, outside: Outside
    ):
        outside.resend.pause = None
        faults = cycle(
            [
                {"do": "accept_then_status", "status": 500},
                {"do": "status", "status": 500},
                {"do": "accept_then_reset"},
                {"do": "reset"},
                {"do": "status", "status": 429, "headers": {"retry-after": "30"}},
                {"do": "status", "status": 409},
            ]
        )
        try:
            for number in range(24):
                to = f"guest-{number}-@harbour.example"
                if number % 2:
                    outside.resend.recorder.faults.add({**next(faults), "match": {"body_contains": to}})
                office.world.notify(office.org.id, "invitation", invitation_id=office.invitation(email=to))
            office.world.work("notify")
            for _ in range(4):
                office.world.clock.pass_(minutes=1)
                office.world.work("notify")
        finally:
            outside.resend.pause = 0.0
        sent = [letter.to for letter in outside.resend.mailbox.letters]
        assert sorted(sent) == sorted({row["address"] for row in office.notices()})
        assert len(sent) == 24
        assert {row["state"] for row in office.notices()} == {"taken"}


class TestCanaries:
    """G4, O4: a mailbox's address and a link's token are in the mail and in one declared column, nowhere else."""

    def _everything(
        self, world: World, capfd: pytest.CaptureFixture[str], outside: Outside
    ) -> dict[str, str]:
        rows = {
            name: str(world.rows(f"SELECT * FROM {name}"))
            for name in ("jobs", "delivery_log", "notice_events", "audit_log", "disclosures")
        }
        captured = capfd.readouterr()
        reports = "".join(entry["body"] for entry in outside.sentry.recorder.log())
        return {**rows, "log": captured.out + captured.err, "sentry": reports}

    def _canaries(self, office: Office, mails: list[str]) -> set[str]:
        tokens = set(re.findall(r"#([\w-]{80,})", " ".join(mails)))
        assert tokens
        return {*tokens, "harbour.example", "elsewhere.example", "203.0.113.9", "Harbour Bikes"}

    def test_G4_when_all_goes_well(self, office: Office, outside: Outside, capfd: pytest.CaptureFixture[str]):
        from tests.notices.conftest import HAPPENINGS

        for kind, (cause, _, _) in HAPPENINGS.items():
            office.happens(kind, **cause(office))
        eventually(lambda: {row["state"] for row in office.notices()} == {"delivered"})
        assert len(office.notices()) == sum(len(addresses) for _, addresses, _ in HAPPENINGS.values())
        said = self._everything(office.world, capfd, outside)
        assert "notice.mailed" in said["log"]
        canaries = self._canaries(office, [letter.text for letter in outside.resend.mailbox.letters])
        for place, text in said.items():
            assert [canary for canary in canaries if canary in text] == [], place

    def test_O4_when_everything_breaks(
        self,
        office: Office,
        outside: Outside,
        capfd: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ):
        """The provider's words, an exception with the mail in it, a template that fails, a database that quotes."""
        from leadsrally.notices import tell
        from leadsrally.providers.resend import mailer

        canary = {"statusCode": 422, "name": "agent@harbour.example", "message": "to agent@harbour.example"}
        faults: list[dict[str, Any]] = [
            {"do": "status", "status": 401, "body": canary},
            {"do": "status", "status": 422, "body": canary},
            {"do": "status", "status": 500, "body": canary},
            {"do": "reset"},
        ]
        mails: list[Mail] = []
        genuine = mailer.ResendMailer.send

        def noted(self: Any, mail: Mail) -> Any:
            mails.append(mail)
            return genuine(self, mail)

        monkeypatch.setattr(mailer.ResendMailer, "send", noted)
        for fault in faults:
            outside.resend.recorder.faults.add(fault)
            office.happens("reset_password", reset_id=office.reset())

        def bursting(_self: Any, mail: Mail) -> Any:
            raise RuntimeError(mail.recipient, mail.text)

        with monkeypatch.context() as patched:
            patched.setattr(mailer.ResendMailer, "send", bursting)
            office.happens("reset_password", reset_id=office.reset())
        with monkeypatch.context() as patched:
            patched.setattr(tell, "compose", lambda said, _head: int(f"{said.address} {said.link}"))
            office.happens("reset_password", reset_id=office.reset())
        # Postgres quotes the whole row that it refuses.
        office.world.execute("ALTER TABLE notices ADD CHECK (state <> 'taken') NOT VALID")
        office.happens("reset_password", reset_id=office.reset())

        assert len(office.jobs()) >= 5
        said = self._everything(office.world, capfd, outside)
        assert said["sentry"].count('"exception"') >= 4
        assert "unexpected.error" in said["log"]
        assert outside.sentry.leaks() == []
        for place, text in said.items():
            found = [one for one in self._canaries(office, [mail.text for mail in mails]) if one in text]
            assert found == [], place
