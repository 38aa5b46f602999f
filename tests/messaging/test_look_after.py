"""What nobody has to ask for: the daily test, what follows from it, and the warning before a token ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from infra.local.context import Context
from infra.simulators.meta import MetaApp, Token
from leadsrally import runtime
from leadsrally.kit.errors import Unavailable
from leadsrally.messaging.channels.in_trouble import channel_in_trouble, channel_out_of_trouble
from leadsrally.messaging.channels.look_after import WARNINGS, warning_due
from leadsrally.messaging.leads.desk import held_back
from tests.api.conftest import Client, person
from tests.graphboard import Graphboard
from tests.world import START, MetaLine, Org, World

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)


@pytest.fixture
def wa(world: World, org: Org) -> MetaLine:
    return world.whatsapp_line(org)


@pytest.fixture
def meta(graphboard: Graphboard, wa: MetaLine) -> MetaApp:
    """The number's business, all well."""
    return graphboard.of(wa)


@pytest.fixture
def owner(world: World, org: Org) -> Client:
    return person(world, org)


def hour_strikes(world: World) -> dict[str, int]:
    function = world.functions["manage_channel"]
    return function.handler()({}, Context(function))


def a_day_passes(world: World, board: Graphboard) -> None:
    world.clock.pass_(hours=24)
    hour_strikes(world)
    world.clock.pass_(hours=1)
    board.work()


def row(world: World, line: MetaLine) -> dict[str, Any]:
    return world.row("SELECT * FROM channels WHERE id = %(id)s", id=line.id)


def told(world: World, kind: str = "channel_attention") -> int:
    """How often owners were told, after all mail has gone out."""
    world.clock.pass_(seconds=2)
    world.work("notify")
    return world.value("SELECT count(*) FROM notices WHERE kind = %(kind)s", kind=kind)


class TestDaily:
    def test_every_channel_at_meta_is_tested_once_a_day(
        self, world: World, graphboard: Graphboard, org: Org, wa: MetaLine, meta: MetaApp
    ):
        page = world.lead_page(world.organization("Rival"))
        graphboard.of(page)
        world.line(org)
        world.whatsapp_line(org, state="disconnected")
        assert hour_strikes(world)["tests"] == 0, "who has just connected one looks at it"
        world.clock.pass_(hours=24)
        assert hour_strikes(world)["tests"] == 2, "never tested"
        world.clock.pass_(hours=1)
        graphboard.work()
        for _ in range(22):
            assert hour_strikes(world)["tests"] == 0
            world.clock.pass_(hours=1)
        world.clock.pass_(hours=1, seconds=1)
        assert hour_strikes(world)["tests"] == 2
        world.clock.pass_(hours=1)
        graphboard.work()
        for line in (wa, page):
            assert {check["state"] for check in row(world, line)["checks"]} == {"passed"}

    def test_the_hours_tests_are_spread_over_it(self, world: World, org: Org):
        lines = [world.whatsapp_line(org) for _ in range(40)]
        world.clock.pass_(hours=24)
        hour_strikes(world)
        due = [found["run_at"] for found in world.rows("SELECT run_at FROM jobs WHERE kind = 'retest'")]
        assert len(due) == len(lines)
        assert len({at.replace(second=0) for at in due}) > 15
        assert all(timedelta(0) < at - world.clock.now < timedelta(hours=1) for at in due)

    def test_an_hour_that_strikes_twice_asks_once(self, world: World, wa: MetaLine):
        world.clock.pass_(hours=24)
        for _ in range(2):
            hour_strikes(world)
        assert world.value("SELECT count(*) FROM jobs WHERE kind = 'retest'") == 1

    def test_no_task_is_left_behind(self, world: World, graphboard: Graphboard, wa: MetaLine, meta: MetaApp):
        a_day_passes(world, graphboard)
        assert row(world, wa)["checked_at"] is not None
        assert world.value("SELECT count(*) FROM channel_tasks") == 0

    def test_one_that_was_disconnected_meanwhile_is_left_alone(
        self, world: World, graphboard: Graphboard, wa: MetaLine, meta: MetaApp
    ):
        world.clock.pass_(hours=24)
        hour_strikes(world)
        world.execute("UPDATE channels SET state = 'disconnected'")
        world.clock.pass_(hours=1)
        graphboard.work()
        assert graphboard.log() == []

    def test_meta_away_for_hours_is_no_trouble_and_no_dead_job(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        graphboard.fail("status", status=503, times=100)
        world.clock.pass_(hours=24)
        hour_strikes(world)
        for _ in range(8):
            world.clock.pass_(hours=1)
            graphboard.work()
        assert row(world, wa)["trouble"] is None
        assert row(world, wa)["checked_at"] is None
        assert world.value("SELECT count(*) FROM jobs WHERE state = 'dead'") == 0
        assert told(world) == 0
        graphboard.simulator.recorder.faults.clear()
        assert hour_strikes(world)["tests"] == 1, "the next hour asks again"

    def test_no_transaction_is_open_while_meta_is_asked(
        self, world: World, graphboard: Graphboard, wa: MetaLine, meta: MetaApp
    ):
        busy = """SELECT query FROM pg_stat_activity WHERE datname = current_database()
                   AND pid <> pg_backend_pid() AND state <> 'idle'"""
        seen: list[list[dict[str, Any]]] = []
        graphboard.looks.append(lambda: seen.append(world.rows(busy)))
        a_day_passes(world, graphboard)
        assert len(seen) >= 6
        assert not any(seen), seen


class TestTrouble:
    def test_a_failing_test_puts_the_channel_in_trouble_and_owners_are_told_once(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        meta.wabas[0].subscribed = False
        for _ in range(3):
            a_day_passes(world, graphboard)
        assert told(world) == 1
        since = row(world, wa)["trouble_since"]
        assert since < world.clock.now - DAY
        _, channel = owner.get(f"/v1/channels/{wa.id}")
        assert channel["trouble"]["code"] == "not_subscribed"
        assert channel["trouble"]["remedy"] == "Choose Configure."
        assert (channel["state"], channel["trouble_since"]) == ("active", channel["trouble_since"])
        (mail,) = world.mailer.mails
        assert wa.number is not None
        assert wa.number in mail.text.replace("\u2060", "")

    def test_a_passing_one_ends_it_and_what_waited_for_it_goes(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        meta.tokens[0].revoked = True
        a_day_passes(world, graphboard)
        assert row(world, wa)["trouble"] == "190"
        world.execute("UPDATE channels SET quiet_until = %(at)s", at=world.clock.now + DAY)
        meta.tokens[0].revoked = False
        a_day_passes(world, graphboard)
        found = row(world, wa)
        assert (found["trouble"], found["trouble_since"], found["quiet_until"]) == (None, None, None)

    def test_a_limit_that_meta_has_set_is_no_trouble_and_stays(
        self, world: World, graphboard: Graphboard, wa: MetaLine, meta: MetaApp
    ):
        until = world.clock.now + 3 * DAY
        world.execute("UPDATE channels SET quiet_until = %(at)s", at=until)
        a_day_passes(world, graphboard)
        assert row(world, wa)["quiet_until"] == until

    def test_what_a_send_has_met_is_the_same_trouble_and_told_once(
        self, world: World, graphboard: Graphboard, owner: Client, org: Org, wa: MetaLine, meta: MetaApp
    ):
        with runtime.of("send_message").db.tenant(org.id) as tx:
            channel_in_trouble(tx, org.id, wa.id, "190", now=world.clock.now)
        world.clock.pass_(minutes=1)
        assert told(world, "channel_trouble") == 1
        meta.tokens[0].revoked = True
        a_day_passes(world, graphboard)
        assert row(world, wa)["trouble"] == "190"
        assert told(world) == 0

    def test_an_advice_is_no_trouble(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        meta.wabas[0].numbers[0].quality_rating = "RED"
        a_day_passes(world, graphboard)
        assert (row(world, wa)["trouble"], row(world, wa)["quality"]) == (None, "red")
        assert told(world) == 0

    def test_another_trouble_is_news(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        meta.wabas[0].subscribed = False
        a_day_passes(world, graphboard)
        assert told(world) == 1
        meta.tokens[0].revoked = True
        a_day_passes(world, graphboard)
        assert told(world) == 2

    def test_O6_a_seal_that_is_broken_is_a_trouble_and_asks_nobody(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        world.execute("UPDATE channels SET credentials = credentials || '\\x00'")
        a_day_passes(world, graphboard)
        assert row(world, wa)["trouble"] == "seal_broken"
        assert graphboard.log() == []

    def test_a_result_that_comes_after_the_credentials_were_replaced_says_nothing(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        meta.tokens[0].revoked = True
        replaced = "UPDATE channels SET credentials_version = credentials_version + 1"
        graphboard.looks.append(lambda: world.execute(replaced))
        world.clock.pass_(hours=24)
        hour_strikes(world)
        world.clock.pass_(hours=1)
        graphboard.work()
        assert (row(world, wa)["trouble"], row(world, wa)["checks"]) == (None, None)

    def test_a_file_that_meta_refuses_has_the_channel_tested(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        picture = {"id": "1", "mime_type": "image/png", "sha256": "x"}
        world.whatsapp(wa, type="image", image=picture)
        world.files.kept["1"] = Unavailable("x", code="credentials_refused")
        meta.tokens[0].revoked = True
        world.work("fetch_media")
        world.clock.pass_(seconds=2)
        graphboard.work()
        assert row(world, wa)["trouble"] == "190"

    def test_a_message_that_passes_ends_what_a_message_has_met_and_not_what_a_test_has_found(
        self, world: World, org: Org, wa: MetaLine
    ):
        for trouble, left in (("131042", None), ("not_subscribed", "not_subscribed")):
            world.execute("UPDATE channels SET trouble = %(code)s", code=trouble)
            with runtime.of("send_message").db.tenant(org.id) as tx:
                channel_out_of_trouble(tx, org.id, wa.id)
            assert row(world, wa)["trouble"] == left

    @pytest.mark.parametrize(
        ("trouble", "waits"),
        [(None, False), ("190", True), ("200", True), ("callback_missing", False), ("scope_missing", False)],
    )
    def test_leads_are_fetched_while_a_test_finds_fault_with_something_else(
        self, trouble: str | None, waits: bool
    ):
        assert (held_back(trouble, None, START) is not None) is waits


class TestNews:
    @pytest.mark.parametrize(
        "field",
        [
            "phone_number_quality_update",
            "account_update",
            "phone_number_name_update",
            "business_capability_update",
        ],
    )
    def test_news_of_the_account_is_asked_about(
        self, world: World, graphboard: Graphboard, wa: MetaLine, meta: MetaApp, field: str
    ):
        number = meta.wabas[0].numbers[0]
        number.quality_rating, number.messaging_limit, number.name_status = (
            "YELLOW",
            "TIER_250",
            "PENDING_REVIEW",
        )
        for _ in range(3):
            assert world.meta(wa, world.news(wa, field=field, event="FLAGGED")).status == 200
        world.clock.pass_(seconds=2)
        assert graphboard.work() == 1, "asking three times is asking once"
        found = row(world, wa)
        assert (found["quality"], found["messaging_limit"], found["name_status"]) == (
            "yellow",
            "TIER_250",
            "PENDING_REVIEW",
        )
        outcomes = world.rows("SELECT outcome FROM delivery_log")
        assert {outcome["outcome"] for outcome in outcomes} == {"applied"}

    def test_every_number_of_the_account_and_none_of_another(self, world: World, org: Org, wa: MetaLine):
        sister = world.whatsapp_line(org)
        world.execute("UPDATE channels SET waba_id = %(waba)s", waba=wa.waba_id)
        world.whatsapp_line(org)
        world.lead_page(org)
        world.meta(wa, world.news(wa, field="account_update", event="DISABLED_UPDATE"))
        asked = {row["id"] for row in world.rows("SELECT payload ->> 'channel_id' AS id FROM jobs")}
        assert asked == {str(wa.id), str(sister.id)}

    def test_T1_an_account_of_another_tenant_is_nobodys(self, world: World, wa: MetaLine):
        theirs = world.whatsapp_line(world.organization("Rival"))
        forged = replace(wa, waba_id=theirs.waba_id)
        assert world.meta(wa, world.news(forged, field="account_update")).status == 200
        assert world.value("SELECT count(*) FROM jobs") == 0


class TestExpiry:
    ENDS = START + timedelta(days=30)

    @pytest.mark.parametrize(
        ("left", "warned", "due"),
        [
            (14 * DAY + SECOND, None, False),
            (14 * DAY, None, True),
            (14 * DAY - SECOND, 14 * DAY - SECOND, False),
            (3 * DAY + SECOND, 14 * DAY, False),
            (3 * DAY, 14 * DAY, True),
            (3 * DAY, 3 * DAY + SECOND, True),
            (2 * DAY, 3 * DAY, False),
            (SECOND, 3 * DAY, False),
            (SECOND, None, True),
            (timedelta(0), None, False),
            (-DAY, 3 * DAY, False),
        ],
    )
    def test_fourteen_and_three_days_before_once_each(
        self, left: timedelta, warned: timedelta | None, due: bool
    ):
        warned_at = None if warned is None else self.ENDS - warned
        assert warning_due(self.ENDS, warned_at, self.ENDS - left) is due

    def test_a_token_that_never_ends_is_never_warned_of(self):
        assert not warning_due(None, None, START)

    def expiring(self, world: World, line: MetaLine, left: timedelta) -> None:
        world.execute(
            "UPDATE channels SET token_expires_at = %(at)s, checked_at = %(now)s WHERE id = %(id)s",
            at=world.clock.now + left,
            now=world.clock.now,
            id=line.id,
        )

    def test_owners_get_two_mails_in_all_by_the_hour(self, world: World, owner: Client, wa: MetaLine):
        self.expiring(world, wa, 15 * DAY)
        mailed: list[timedelta] = []
        ends = row(world, wa)["token_expires_at"]
        while world.clock.now < ends + DAY:
            world.execute("UPDATE channels SET checked_at = %(now)s", now=world.clock.now)
            before = len(world.mailer.mails)
            hour_strikes(world)
            world.clock.pass_(minutes=1)
            world.work("notify")
            mailed += [ends - world.clock.now] * (len(world.mailer.mails) - before)
            world.clock.pass_(minutes=59)
        assert len(mailed) == len(WARNINGS)
        for left, before in zip(mailed, WARNINGS, strict=True):
            assert before - timedelta(hours=1) < left <= before
        _, listed = owner.get("/v1/notifications")
        assert [one["kind"] for one in listed["items"]] == ["token_expiring"] * 2

    def test_T1_a_warning_goes_to_the_channels_own_owners(self, world: World, owner: Client, wa: MetaLine):
        person(world, world.organization("Rival"))
        self.expiring(world, wa, 2 * DAY)
        assert hour_strikes(world)["warnings"] == 1
        world.clock.pass_(minutes=1)
        assert told(world, "token_expiring") == 1

    def test_another_token_forgets_the_warning(
        self, world: World, graphboard: Graphboard, owner: Client, wa: MetaLine, meta: MetaApp
    ):
        self.expiring(world, wa, 2 * DAY)
        assert hour_strikes(world)["warnings"] == 1
        meta.tokens.append(Token("EAAG-another-0123456789abcdef"))
        body = {"access_token": "EAAG-another-0123456789abcdef"}
        assert owner.post(f"/v1/channels/{wa.id}/credentials", body)[0] == 202
        graphboard.work()
        found = row(world, wa)
        assert (found["token_expires_at"], found["expiry_warned_at"]) == (None, None)
        world.clock.pass_(minutes=1)
        assert told(world, "token_expiring") == 0, "nobody is warned of what is over"
        assert hour_strikes(world)["warnings"] == 0

    def test_a_test_learns_when_the_token_ends(
        self, world: World, graphboard: Graphboard, wa: MetaLine, meta: MetaApp
    ):
        end = (world.clock.now + 20 * DAY).replace(microsecond=0)
        meta.tokens[0].expires_at = int(end.timestamp())
        a_day_passes(world, graphboard)
        assert row(world, wa)["token_expires_at"] == end
        world.execute("UPDATE channels SET expiry_warned_at = %(now)s", now=world.clock.now)
        a_day_passes(world, graphboard)
        assert row(world, wa)["expiry_warned_at"] is not None, "the same token, the same warning"
        meta.tokens[0].expires_at = int((end + 60 * DAY).timestamp())
        a_day_passes(world, graphboard)
        assert row(world, wa)["expiry_warned_at"] is None


def test_T1_the_hour_leaves_each_tenant_its_own(world: World, graphboard: Graphboard):
    lines = [world.whatsapp_line(world.organization(name)) for name in ("Harbour Bikes", "Rival")]
    for line in lines:
        graphboard.of(line)
    world.clock.pass_(hours=24)
    hour_strikes(world)
    jobs = world.rows("SELECT organization_id, payload ->> 'channel_id' AS channel FROM jobs")
    assert {(job["organization_id"], UUID(job["channel"])) for job in jobs} == {
        (line.organization_id, line.id) for line in lines
    }
