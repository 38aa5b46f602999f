"""P10.1: a change takes effect 14 days after the last owner was told of it, and nobody can make it earlier."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest

from infra.local.context import Context
from leadsrally import runtime
from leadsrally.disclosures.subprocessors import SUBPROCESSORS
from leadsrally.notices.types import NotNow, Refused
from leadsrally.privacy.policy.versions import standing, versions
from leadsrally.telemetry.types import Report
from tests.policy.conftest import FIRST, SECOND, House
from tests.world import World, days


def holds(house: House, at: datetime) -> Any:
    """The day of the version that holds at an instant."""
    with runtime.of("policy").db.across() as tx:
        present = standing(versions(tx), at).present
    return present and present.dated


@pytest.fixture
def changing(house: House) -> House:
    """Three customers, and a second version."""
    house.customer("ada@a.example", "bob@a.example")
    house.customer("cy@c.example")
    house.customer()  # nobody there
    house.texts = (FIRST, SECOND)
    house.world.clock.pass_(hours=1)
    return house


class TestFirst:
    def test_it_changes_nothing_for_anybody_and_holds_at_once(self, house: House):
        version = house.version(FIRST)
        assert version["effective_at"] == version["published_at"]
        assert version["material"] is False
        assert holds(house, house.world.clock.now) == FIRST.dated
        assert house.watch() == []
        assert house.mails() == []


class TestChange:
    def test_every_owner_is_told_by_mail_and_in_the_product(self, changing: House):
        agent = changing.customer("dan@d.example")
        changing.person(agent, "eve@d.example", "admin")
        assert changing.watch() == []
        changing.world.work("notify")
        told = [
            address for address, subject in changing.mails() if subject == "Our privacy policy is changing"
        ]
        assert sorted(told) == ["ada@a.example", "bob@a.example", "cy@c.example", "dan@d.example"]
        mail = changing.world.mailer.mails[0].text
        assert "Files lie in another region." in mail
        assert "https://app.example.test/policy" in mail
        assert "18 December 2026" in mail  # sixteen days ahead, on a midnight
        assert len(changing.world.rows("SELECT 1 FROM notices WHERE user_id IS NOT NULL")) == 4

    def test_nobody_is_told_twice_however_often_it_watches(self, changing: House):
        for _ in range(3):
            changing.watch()
            changing.world.work("notify")
        assert len(changing.mails()) == 3

    def test_a_watch_that_is_killed_goes_on_where_it_was(self, changing: House):
        changing.time_left = timedelta(seconds=1)
        changing.watch()
        assert changing.world.rows("SELECT 1 FROM policy_notices") == []
        assert changing.version()["effective_at"] is None, "nobody was told, so there is no day"
        changing.time_left = timedelta(minutes=5)
        changing.watch()
        assert len(changing.world.rows("SELECT 1 FROM policy_notices")) == 3

    def test_who_signs_up_afterwards_saw_it_then(self, changing: House):
        changing.watch()
        changing.world.clock.pass_(hours=1)
        changing.customer("late@l.example")
        changing.world.work("notify")
        changing.watch()
        assert "late@l.example" not in dict(changing.mails())
        assert changing.version()["effective_at"] is not None

    @pytest.mark.parametrize("state", ["pending", "erasing", "erased"])
    def test_a_sign_up_that_nobody_proved_and_who_is_erased_hold_nothing_up(
        self, changing: House, state: str
    ):
        changing.customer(state=state)
        changing.watch()
        changing.world.work("notify")
        changing.watch()
        assert len(changing.world.rows("SELECT 1 FROM policy_notices")) == 3
        assert changing.version()["effective_at"] is not None

    def test_a_change_that_does_not_matter_holds_at_once_and_tells_nobody(self, house: House):
        house.customer("ada@a.example")
        house.texts = (FIRST, replace(SECOND, material=False))
        house.watch()
        house.world.work("notify")
        assert house.mails() == []
        assert holds(house, house.world.clock.now) == SECOND.dated


class TestDay:
    def test_O10_the_day_is_known_once_everybody_was_told(self, changing: House):
        changing.watch()
        assert changing.version()["effective_at"] is None
        changing.world.work("notify")
        changing.watch()
        version = changing.version()
        assert version["told_at"] == changing.world.clock.now
        assert version["effective_at"] == datetime(2026, 12, 18, tzinfo=UTC) == version["announced_for"]

    def test_O10_the_old_one_holds_up_to_it_and_the_new_one_from_it_on(self, changing: House):
        changing.watch()
        changing.world.work("notify")
        changing.watch()
        at = changing.version()["effective_at"]
        assert holds(changing, at - timedelta(microseconds=1)) == FIRST.dated
        assert holds(changing, at) == SECOND.dated

    def test_O10_a_late_mail_makes_it_later(self, changing: House):
        """The provider is away for five days. Its notice is told anew, and the 14 days begin with the last one."""
        changing.world.mailer.outcomes = [NotNow("down")] * 200
        changing.watch()
        for _ in range(5):
            changing.world.clock.pass_(days=1)
            changing.world.work("notify")
            changing.watch()
            assert changing.version()["effective_at"] is None
        changing.world.mailer.outcomes = []
        changing.world.clock.pass_(hours=1)
        changing.world.work("notify")
        last = changing.world.clock.now
        changing.watch()
        version = changing.version()
        assert version["told_at"] == last
        assert last + days(14) <= version["effective_at"] < last + days(15)
        assert version["effective_at"] > version["announced_for"]

    @pytest.mark.parametrize("how", ["blocked", "refused", "bounced"])
    def test_a_mail_that_cannot_arrive_counts_since_it_stands_in_the_product(self, changing: House, how: str):
        world = changing.world
        if how == "blocked":
            world.execute(
                "UPDATE users SET mail_blocked_at = %(now)s, mail_blocked_because = 'bounced'",
                now=world.clock.now,
            )
        if how == "refused":
            world.mailer.outcomes = [Refused("validation_error")] * 3
        changing.watch()
        world.work("notify")
        if how == "bounced":
            for row in world.rows("SELECT organization_id, id FROM notices"):
                ids = {"organization_id": row["organization_id"], "notice_id": row["id"]}
                assert (
                    world.resend(
                        world.mail_event("email.bounced", **ids, bounce={"type": "Permanent"})
                    ).status
                    == 200
                )
        changing.watch()
        assert changing.version()["effective_at"] == datetime(2026, 12, 18, tzinfo=UTC)

    def test_O10_thirteen_days_are_refused_by_the_database_itself(self, changing: House):
        changing.watch()
        changing.world.work("notify")
        changing.watch()
        sooner = "UPDATE policy_versions SET effective_at = told_at + %(ahead)s, announced_for = told_at WHERE material"
        changing.world.execute(sooner, ahead=timedelta(hours=336))
        with pytest.raises(psycopg.errors.CheckViolation):
            changing.world.execute(sooner, ahead=timedelta(hours=336) - timedelta(microseconds=1))

    def test_a_wanted_day_can_only_be_later(self, house: House):
        house.customer("ada@a.example")
        for day, expected in ((13, 18), (28, 28)):
            text = replace(SECOND, dated=SECOND.dated + timedelta(days=day), not_before=date(2026, 12, day))
            house.texts = (FIRST, text)
            house.watch()
            house.world.work("notify")
            house.watch()
            assert house.version(text)["effective_at"] == datetime(2026, 12, expected, tzinfo=UTC)

    def test_a_newer_change_meanwhile_takes_its_own_time(self, changing: House):
        changing.watch()
        changing.world.work("notify")
        changing.watch()
        third = replace(SECOND, dated=SECOND.dated + timedelta(days=2), summary="And more.")
        changing.texts = (FIRST, SECOND, third)
        changing.world.clock.pass_(days=2)
        changing.watch()
        changing.world.work("notify")
        changing.watch()
        assert changing.version(third)["effective_at"] == changing.version()["effective_at"] + days(2)
        assert holds(changing, changing.version(third)["effective_at"]) == third.dated


class TestReminder:
    @pytest.fixture
    def dated(self, changing: House) -> House:
        changing.watch()
        changing.world.work("notify")
        changing.watch()
        changing.world.mailer.mails.clear()
        return changing

    def remind(self, house: House, at: datetime) -> list[str]:
        house.world.clock.now = at
        house.watch()
        house.world.work("notify")
        return [address for address, subject in house.mails() if subject.startswith("Our new")]

    def test_three_days_before_once(self, dated: House):
        at = dated.version()["effective_at"]
        assert self.remind(dated, at - days(3) - timedelta(microseconds=1)) == []
        assert len(self.remind(dated, at - days(3))) == 3
        assert len(self.remind(dated, at - days(1))) == 3

    def test_who_accepted_is_left_alone(self, dated: House):
        row = dated.world.row("SELECT organization_id, id FROM users WHERE email = 'ada@a.example'")
        accepted = {"organization_id": row["organization_id"], "id": row["id"], "user_id": row["id"]}
        accepted |= {"document": "privacy_policy", "document_version": SECOND.dated.isoformat()}
        dated.world._insert("acceptances", {**accepted, "accepted_at": dated.world.clock.now})
        assert self.remind(dated, dated.version()["effective_at"] - days(3)) == ["cy@c.example"]

    def test_not_once_it_holds(self, dated: House):
        assert self.remind(dated, dated.version()["effective_at"]) == []


class TestAlarm:
    def test_a_published_text_that_was_changed(self, changing: House):
        changing.watch()
        changing.texts = (FIRST, replace(SECOND, summary="Something else."))
        assert changing.watch() == ["altered"]
        assert changing.version()["altered_at"] == changing.world.clock.now
        changing.texts = (FIRST, SECOND)
        assert changing.watch() == []
        assert changing.version()["altered_at"] is None

    def test_O11_a_subprocessor_comes_with_the_version_of_its_day(
        self, changing: House, monkeypatch: pytest.MonkeyPatch
    ):
        """The one that is in force says nothing of it and stays as it was published; the new one lists it."""
        newcomer = replace(SUBPROCESSORS["resend"], name="Newcomer Ltd.", since=SECOND.dated)
        monkeypatch.setitem(SUBPROCESSORS, "newcomer", newcomer)  # pyright: ignore[reportArgumentType]
        assert changing.watch() == []
        assert changing.version(FIRST)["altered_at"] is None
        changing.world.clock.pass_(days=1)
        assert changing.watch() == []
        monkeypatch.setitem(SUBPROCESSORS, "newcomer", replace(newcomer, country="Chile"))  # pyright: ignore[reportArgumentType]
        assert changing.watch() == ["altered"]
        assert changing.version()["altered_at"] is not None
        assert changing.version(FIRST)["altered_at"] is None

    def test_O11_a_host_that_was_added_without_a_version_of_its_own(self, house: House):
        house.hosts = ("railway", "aws")
        assert house.watch() == ["altered"]
        house.texts = (FIRST, SECOND)
        assert house.watch() == ["altered"], "until the version that names it holds"

    def test_a_text_that_this_release_lost(self, changing: House):
        changing.watch()
        changing.texts = (FIRST,)
        assert changing.watch() == ["altered"]

    def test_after_a_week_not_everybody_was_told(self, changing: House):
        changing.watch()
        changing.world.clock.pass_(days=7, seconds=-1)
        assert changing.watch() == []
        changing.world.clock.pass_(seconds=1)
        assert changing.watch() == ["not_all_told"]

    def test_O10_a_notice_that_turns_out_later_than_counted(self, changing: House):
        changing.watch()
        changing.world.work("notify")
        changing.watch()
        changing.world.execute("UPDATE policy_notices SET out_at = out_at + interval '3 days'")
        assert changing.watch() == ["too_early"]

    def test_an_alarm_is_reported_without_a_word_of_anybodys(
        self, world: World, monkeypatch: pytest.MonkeyPatch
    ):
        reports: list[Report] = []
        monkeypatch.setattr("functions.policy_watch.handler.watch", lambda _: ["altered"])
        monkeypatch.setattr(runtime.of("policy_watch").errors, "_sender", _Sender(reports))
        function = world.functions["policy_watch"]
        assert function.handler()({}, Context(function)) == {"alarms": ["altered"]}
        (report,) = reports
        assert report.failures[0].code == "policy_altered"


class _Sender:
    def __init__(self, reports: list[Report]) -> None:
        self._reports = reports

    def send(self, report: Report) -> None:
        self._reports.append(report)

    def flush(self, seconds: float) -> None:
        pass


def test_the_door_publishes_what_the_release_has(world: World):
    function = world.functions["policy_watch"]
    assert function.handler()({}, Context(function)) == {"alarms": []}
    assert [row["dated"] for row in world.rows("SELECT dated FROM policy_versions")] == [FIRST.dated]
