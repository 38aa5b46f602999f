"""P6.5, P2.3: each month that is over becomes one invoice, once, whatever happens meanwhile."""

import threading
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leadsrally import runtime
from leadsrally.billing import store
from leadsrally.billing.close import close_months, final_invoices, go_on_charging, stop_charging
from leadsrally.billing.draft import draft
from leadsrally.billing.store import Account
from leadsrally.billing.types import KINDS
from leadsrally.kit.db import Tx
from tests.billing.invoices import an_invoice, at, close, used
from tests.world import Org, World

MARCH = date(2027, 3, 1)
OPENED = at(2027, 3, 1, 0)
FULL = 49_00


@pytest.fixture
def org(world: World) -> Org:
    """One that came in on the first of March."""
    world.clock.now = at(2027, 4)
    return world.organization(created_at=OPENED, ai_scoring=False)


def invoices(world: World) -> list[dict[str, Any]]:
    return world.rows("SELECT * FROM invoices ORDER BY number")


def lines(world: World) -> list[tuple[str, date, str, int, int]]:
    rows = world.rows(
        """SELECT i.number, l.* FROM invoice_lines l JOIN invoices i ON i.id = l.invoice_id
            WHERE l.kind <> 'plan' ORDER BY i.number, l.place"""
    )
    return [(row["number"], row["month"], row["kind"], row["quantity"], row["amount"]) for row in rows]


class TestClosing:
    def test_a_month_becomes_an_invoice_on_the_first_of_the_next(self, world: World, org: Org):
        used(world, org, date(2027, 3, 1), quantity=2_000)
        used(world, org, date(2027, 3, 31), quantity=500)
        used(world, org, date(2027, 4, 1), quantity=7)  # of the month that is running
        world.clock.now = at(2027, 3, 31, 23)
        assert close(world)["invoices"] == 0
        world.clock.now = at(2027, 4, 1, 0)
        assert close(world) == {"organizations": 1, "invoices": 1, "whole": True}
        (found,) = invoices(world)
        assert (found["number"], found["month"], found["total"]) == ("2027-000001", MARCH, FULL + 150)
        assert (found["customer_name"], found["customer_country"], found["plan"]) == (
            org.name,
            "US",
            "Standard",
        )
        assert found["kept_until"] == date(2034, 4, 1)
        assert lines(world) == [("2027-000001", MARCH, "sms_out", 2_500, 150)]

    def test_closing_again_changes_nothing(self, world: World, org: Org):
        used(world, org, MARCH)
        close(world)
        before = (invoices(world), lines(world), world.rows("SELECT * FROM jobs"))
        for _ in range(3):
            world.clock.pass_(hours=1)
            assert close(world)["invoices"] == 0
        assert (invoices(world), lines(world), world.rows("SELECT * FROM jobs")) == before

    def test_months_that_were_missed_are_made_up_for_one_by_one(self, world: World, org: Org):
        used(world, org, date(2027, 4, 10), quantity=3)
        world.clock.now = at(2027, 6, 20)
        assert close(world)["invoices"] == 3
        assert [row["month"].month for row in invoices(world)] == [3, 4, 5]
        assert lines(world) == [("2027-000002", date(2027, 4, 1), "sms_out", 3, 0)]

    def test_what_is_heard_of_late_is_a_line_of_the_next_invoice(self, world: World, org: Org):
        used(world, org, date(2027, 3, 5), quantity=1_990)
        close(world)
        used(world, org, date(2027, 3, 31), quantity=20, late=True)
        used(world, org, date(2027, 4, 2), quantity=1)
        world.clock.now = at(2027, 5)
        close(world)
        assert lines(world) == [
            ("2027-000001", MARCH, "sms_out", 1_990, 0),
            ("2027-000002", date(2027, 4, 1), "sms_out", 1, 0),
            ("2027-000002", MARCH, "sms_out", 20, 3),
        ]

    def test_so_is_what_was_written_in_its_month_and_committed_while_it_was_closed(
        self, world: World, org: Org
    ):
        """A transaction that began before midnight: nothing marks its row as late."""
        close(world)
        used(world, org, date(2027, 3, 31))
        world.clock.now = at(2027, 5)
        close(world)
        assert lines(world) == [("2027-000002", MARCH, "sms_out", 1, 0)]

    def test_and_what_is_months_late(self, world: World, org: Org):
        world.clock.now = at(2027, 8)
        close(world)
        used(world, org, date(2027, 3, 31), late=True)
        world.clock.now = at(2027, 9)
        close(world)
        assert lines(world) == [("2027-000006", MARCH, "sms_out", 1, 0)]

    def test_a_month_without_usage_costs_the_plan(self, world: World, org: Org):
        close(world)
        (found,) = invoices(world)
        assert (found["total"], found["lines"]) == (FULL, 1)

    def test_who_came_in_during_the_month_pays_for_the_days_from_then(self, world: World):
        world.clock.now = at(2027, 4)
        world.organization(created_at=datetime(2027, 3, 22, 23, 59, tzinfo=UTC))
        close(world)
        (found,) = invoices(world)
        assert found["total"] == 15_81  # 10 of 31 days

    def test_who_leaves_pays_for_the_days_until_then(self, world: World, org: Org):
        with runtime.of("api").db.tenant(org.id) as tx:
            stop_charging(tx, org.id, now=at(2027, 3, 10))
        close(world)
        world.clock.now = at(2027, 6)
        close(world)
        assert [row["total"] for row in invoices(world)] == [15_81]  # and no later month is charged

    def test_who_stays_after_all_pays_on(self, world: World, org: Org):
        with runtime.of("api").db.tenant(org.id) as tx:
            stop_charging(tx, org.id, now=at(2027, 3, 10))
            go_on_charging(tx, org.id)
        close(world)
        assert [row["total"] for row in invoices(world)] == [FULL]

    def test_who_never_came_in_pays_nothing(self, world: World):
        world.clock.now = at(2027, 4)
        world.organization(created_at=OPENED, state="pending")
        assert close(world) == {"organizations": 0, "invoices": 0, "whole": True}

    def test_numbers_go_on_over_organisations_and_begin_anew_with_the_year(self, world: World, org: Org):
        world.organization("Rival", created_at=OPENED)
        world.clock.now = at(2028, 1)
        close(world)
        world.clock.now = at(2028, 2)
        close(world)
        numbers = [row["number"] for row in invoices(world)]
        assert numbers == sorted([f"2028-{n:06}" for n in range(1, 23)])

    def test_more_than_a_million_in_a_year_have_longer_numbers(self, world: World, org: Org):
        world.execute("INSERT INTO invoice_numbers VALUES (2027, 999999)")
        close(world)
        assert [row["number"] for row in invoices(world)] == ["2027-1000000"]

    def test_owners_are_told(self, world: World, org: Org):
        world.user(org, email="owner@harbour.example")
        close(world)
        world.clock.pass_(seconds=2)
        world.work("notify")
        (mail,) = world.mailer.mails
        assert mail.recipient == "owner@harbour.example"
        assert "2027-000001" in mail.text
        assert "49.00 USD" in mail.text
        assert "2027-03" in mail.text

    @pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati", "Europe/Berlin"])
    def test_R2_a_month_is_of_utc_in_every_session_zone(self, world: World, org: Org, zone: str):
        """March has a change of the clock in two of them."""
        world.execute(
            f"ALTER ROLE leadsrally_billing_close IN DATABASE {world.database.name} SET timezone = '{zone}'"
        )
        for day in (date(2027, 2, 28), MARCH, date(2027, 3, 28), date(2027, 3, 31), date(2027, 4, 1)):
            used(world, org, day)
        close(world)
        assert lines(world) == [
            ("2027-000001", MARCH, "sms_out", 3, 0),
            ("2027-000001", date(2027, 2, 1), "sms_out", 1, 0),
        ]

    def test_who_sells_is_written_on_it(self, world: World, org: Org):
        world.settings["LEADSRALLY_SELLER"] = "LeadsRally Ltd / 1 Quay Street / Tax 123"
        world.open()
        close(world)
        assert invoices(world)[0]["seller"] == "LeadsRally Ltd\n1 Quay Street\nTax 123"


class Died(BaseException):
    """The process is gone."""


class TestKilled:
    """R5: in the middle of anything, and run again."""

    @pytest.mark.parametrize("statement", range(1, 14))
    def test_R5_killed_at_any_statement_it_converges(self, world: World, org: Org, statement: int):
        other = world.organization("Rival", created_at=OPENED)
        for one in (org, other):
            used(world, one, MARCH, quantity=2_100)
        run, count = Tx._execute, 0

        def mortal(self: Tx, *args: Any) -> Any:
            nonlocal count
            count += 1
            if count == statement:
                raise Died
            return run(self, *args)

        with mock.patch.object(Tx, "_execute", mortal), pytest.raises(Died):
            self._close(world)
        self._close(world)
        found = invoices(world)
        assert [row["number"] for row in found] == ["2027-000001", "2027-000002"]
        assert {row["organization_id"] for row in found} == {org.id, other.id}
        assert [line[3:] for line in lines(world)] == [(2_100, 30)] * 2
        assert world.value("SELECT count(*) FROM jobs WHERE kind = 'invoice_ready'") == 2

    def _close(self, world: World) -> None:
        door = runtime.of("billing_close")
        close_months(door.db, door.clock, seller="x", time_left=lambda: timedelta(minutes=5))

    def test_R5_out_of_time_it_stops_and_the_next_goes_on(self, world: World, org: Org):
        for n in range(4):
            world.organization(f"Rival {n}", created_at=OPENED)
        door = runtime.of("billing_close")
        left = iter([timedelta(minutes=1)] * 3 + [timedelta(seconds=1)])
        done = close_months(door.db, door.clock, seller="x", time_left=lambda: next(left), page=2)
        assert (done.invoices, done.whole) == (3, False)
        done = close_months(door.db, door.clock, seller="x", time_left=lambda: timedelta(minutes=1), page=2)
        assert (done.invoices, done.whole) == (2, True)
        assert len({row["organization_id"] for row in invoices(world)}) == 5

    def test_R11_one_that_cannot_be_billed_stops_nobody(
        self, world: World, org: Org, monkeypatch: pytest.MonkeyPatch
    ):
        for n in range(2):
            world.organization(f"Rival {n}", created_at=OPENED)
        _, middle, _ = sorted(row["id"] for row in world.rows("SELECT id FROM organizations"))
        genuine = store.account

        def broken(tx: Tx, organization_id: UUID) -> Account | None:
            if organization_id == middle:
                raise ArithmeticError("it does not add up")
            return genuine(tx, organization_id)

        with monkeypatch.context() as patch:
            patch.setattr(store, "account", broken)
            with pytest.raises(ArithmeticError):
                self._close(world)
        billed = {row["organization_id"] for row in invoices(world)}
        assert len(billed) == 2
        assert middle not in billed
        self._close(world)
        assert len(invoices(world)) == 3

    def test_R7_two_at_once_issue_each_invoice_once_and_leave_no_gap(self, world: World, org: Org):
        for n in range(5):
            world.organization(f"Rival {n}", created_at=OPENED)
        errors: list[BaseException] = []

        def work() -> None:
            try:
                self._close(world)
            except BaseException as error:  # noqa: BLE001  asserted below
                errors.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert [row["number"] for row in invoices(world)] == [f"2027-{n:06}" for n in range(1, 7)]


class TestAnyHistory:
    """Whatever is used and whenever it is heard of: the lines are the usage, and a second closing changes nothing."""

    @settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(st.integers(0, 100), st.integers(0, 70), st.sampled_from(KINDS), st.integers(1, 3_000)),
            max_size=12,
        )
    )
    def test_the_lines_are_the_usage(self, world: World, history: list[tuple[int, int, str, int]]):
        org = world.organization(created_at=OPENED)
        events = sorted((day + late, day, kind, units) for day, late, kind, units in history)
        for month in range(4, 11):
            end = at(2027, month)
            while events and OPENED + timedelta(events[0][0]) < end.replace(hour=0):
                heard, day, kind, units = events.pop(0)
                belongs, written = OPENED + timedelta(day), OPENED + timedelta(heard)
                late = (belongs.year, belongs.month) < (written.year, written.month)
                used(world, org, belongs.date(), kind, units, late=late)
            world.clock.now = end
            close(world)
            close(world)
        assert events == []
        told = world.rows(
            """SELECT month, kind, detail, sum(quantity)::int AS units FROM invoice_lines
                WHERE kind <> 'plan' AND organization_id = %(id)s GROUP BY 1, 2, 3""",
            id=org.id,
        )
        real = world.rows(
            """SELECT date_trunc('month', occurred_on::timestamp)::date AS month, kind, detail,
                      sum(quantity)::int AS units
                 FROM usage WHERE organization_id = %(id)s GROUP BY 1, 2, 3""",
            id=org.id,
        )
        assert Counter(map(str, told)) == Counter(map(str, real))
        assert len(world.rows("SELECT 1 FROM invoices WHERE organization_id = %(id)s", id=org.id)) == 7


class TestStays:
    """An invoice that was issued is never changed, by nobody, and nothing is added to it."""

    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE invoices SET total = 0",
            "UPDATE invoices SET month = '2020-01-01'",
            "UPDATE invoices SET number = 'x'",
            "UPDATE invoices SET issued_at = now()",
            "UPDATE invoices SET customer_country = 'DE'",
            "DELETE FROM invoices",
            "UPDATE invoice_lines SET amount = 0",
            "UPDATE invoice_lines SET quantity = 9",
            "DELETE FROM invoice_lines",
        ],
    )
    def test_the_database_refuses_even_its_owner(self, world: World, org: Org, change: str):
        close(world)
        with pytest.raises(psycopg.errors.RestrictViolation, match="stays as it is"):
            world.execute(change)

    def test_no_line_is_added_later(self, world: World, org: Org):
        close(world)
        copy = """INSERT INTO invoice_lines SELECT organization_id, invoice_id, 9, month, 'sms_out', '', 1, 0, 0, 1, 0
                    FROM invoice_lines"""
        with pytest.raises(psycopg.errors.CheckViolation, match="adds up to"):
            world.execute(copy)

    def test_its_lines_add_up_to_it(self, world: World, org: Org):
        with pytest.raises(psycopg.errors.CheckViolation, match="adds up to"):
            an_invoice(world, org, total=1, lines=2)

    def test_one_for_a_month(self, world: World, org: Org):
        an_invoice(world, org, MARCH)
        with pytest.raises(psycopg.errors.UniqueViolation):
            an_invoice(world, org, MARCH)


class TestFinal:
    def test_E10_what_is_still_open_is_issued_when_an_account_ends(self, world: World, org: Org):
        """Not for the days after its deletion was asked for, and not for the rest of the month."""
        used(world, org, date(2027, 4, 3), quantity=5)
        world.clock.now = at(2027, 5, 4)
        door = runtime.of("billing_close")
        with door.db.tenant(org.id) as tx:
            store.in_turn(tx, org.id)
        with runtime.of("api").db.tenant(org.id) as tx:
            stop_charging(tx, org.id, now=at(2027, 4, 4))
        with door.db.tenant(org.id) as tx:
            assert final_invoices(tx, org.id, now=world.clock.now) == 2
            assert final_invoices(tx, org.id, now=world.clock.now) == 0
        assert [(row["month"].month, row["total"]) for row in invoices(world)] == [(3, FULL), (4, 6_53)]
        assert lines(world) == [("2027-000002", date(2027, 4, 1), "sms_out", 5, 0)]

    def test_an_account_that_ends_at_once_pays_until_today(self, world: World, org: Org):
        world.clock.now = at(2027, 4, 10)
        door = runtime.of("billing_close")
        with door.db.tenant(org.id) as tx:
            assert final_invoices(tx, org.id, now=world.clock.now) == 2
        assert invoices(world)[1]["total"] == 16_33  # 10 of 30 days

    def test_of_nobody_there_is_none(self, world: World):
        door = runtime.of("billing_close")
        nobody = uuid4()
        with door.db.tenant(nobody) as tx:
            assert final_invoices(tx, nobody, now=world.clock.now) == 0


def test_the_whole_way_from_a_text_to_its_line(world: World):
    """What a person said and what we answered, on the next invoice."""
    line = world.line(world.organization())
    org_id = line.organization_id
    conversation = world.conversation(line)
    world.reply(line, conversation, "a" * 400)
    world.work("send_message")
    now = world.clock.now
    world.clock.now = (now.replace(day=1) + timedelta(days=32)).replace(day=1, hour=2)
    close(world)
    rows = world.rows(
        "SELECT kind, quantity FROM invoice_lines WHERE organization_id = %(id)s ORDER BY kind", id=org_id
    )
    assert [(row["kind"], row["quantity"]) for row in rows if row["kind"] != "plan"] == [
        ("sms_in", 1),
        ("sms_out", 3),
    ]


def test_the_pure_part_is_what_is_stored(world: World, org: Org):
    used(world, org, MARCH, quantity=2_345)
    with runtime.of("billing_close").db.tenant(org.id) as tx:
        expected = draft(MARCH, store.used(tx, org.id, MARCH), {}, since=OPENED.date(), until=None)
    close(world)
    with runtime.of("api").db.tenant(org.id) as tx:
        (found,) = invoices(world)
        assert tuple(store.lines_of(tx, org.id, found["id"])) == expected.lines
        assert found["total"] == expected.total
