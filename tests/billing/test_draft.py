"""What an invoice says, from what was used: pure, so tried with any history."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.billing.draft import draft
from leadsrally.billing.months import after, between, days_in, first_of
from leadsrally.billing.plans import PLANS, plan_of
from leadsrally.billing.types import KINDS, Draft, Line, Used

FEBRUARY = date(2028, 2, 1)
OPENED = date(2027, 1, 1)


def said(used: dict[Used, int], charged: dict[Used, int] | None = None, month: date = FEBRUARY) -> Draft:
    return draft(month, used, charged or {}, since=OPENED, until=None)


def lines(found: Draft) -> list[Line]:
    return [line for line in found.lines if line.kind != "plan"]


class TestPlans:
    def test_every_kind_has_a_price_whatever_its_detail(self):
        for plan in PLANS:
            for kind in KINDS:
                assert plan.rate(kind, "of tomorrow").kind == kind

    def test_a_model_is_known_by_the_beginning_of_its_name(self):
        plan = PLANS[0]
        dated = plan.rate("ai_input", "claude-haiku-5-5-20261001")
        assert dated.detail == "claude-haiku-5-5"
        assert plan.rate("ai_input", "claude-opus-5-5").price > dated.price

    def test_a_kind_without_a_price_is_an_error_and_not_free(self):
        free = replace(PLANS[0], rates=())
        with pytest.raises(LookupError, match="no price for sms_out"):
            free.rate("sms_out", "")

    def test_one_currency_at_a_time(self):
        """A correction stands on a later month's invoice, and has no currency of its own."""
        assert len({plan.currency for plan in PLANS}) == 1

    def test_they_are_in_order_and_begin_with_a_month(self):
        since = [plan.since for plan in PLANS]
        assert since == sorted(set(since))
        assert all(day.day == 1 for day in since)
        assert plan_of(date(2030, 1, 1)) == PLANS[-1]
        assert plan_of(date(2000, 1, 1)) == PLANS[0]


class TestLines:
    def test_within_what_the_plan_includes_nothing_is_paid(self):
        (line,) = lines(said({Used(FEBRUARY, "sms_out", ""): 2_000}))
        assert (line.quantity, line.included, line.amount) == (2_000, 2_000, 0)

    def test_beyond_it_each_unit_is(self):
        (line,) = lines(said({Used(FEBRUARY, "sms_out", ""): 2_400}))
        assert (line.quantity, line.included, line.price, line.per, line.amount) == (
            2_400,
            2_000,
            30,
            100,
            120,
        )

    def test_what_was_heard_of_late_is_charged_as_if_it_had_not_been(self):
        """1,990 of 2,000 were on the invoice; of the 20 that came late 10 are still included."""
        january = Used(date(2028, 1, 1), "sms_out", "")
        (line,) = lines(said({january: 2_010}, {january: 1_990}))
        assert (line.month, line.quantity, line.included, line.amount) == (january.month, 20, 10, 3)

    def test_what_was_charged_is_no_line(self):
        assert lines(said({Used(FEBRUARY, "sms_out", ""): 5}, {Used(FEBRUARY, "sms_out", ""): 5})) == []

    def test_the_months_own_come_first(self):
        found = lines(said({Used(date(2028, 1, 1), "mms_in", ""): 1, Used(FEBRUARY, "sms_out", ""): 1}))
        assert [line.kind for line in found] == ["sms_out", "mms_in"]


class TestFee:
    def test_a_whole_month(self):
        (fee,) = said({}).lines
        assert (fee.kind, fee.quantity, fee.per, fee.amount) == ("plan", 29, 29, 49_00)

    @pytest.mark.parametrize(
        ("since", "until", "days"),
        [
            (date(2028, 2, 1), None, 29),
            (date(2028, 2, 29), None, 1),
            (date(2028, 3, 1), None, 0),
            (OPENED, date(2028, 2, 1), 1),
            (OPENED, date(2028, 2, 28), 28),
            (OPENED, date(2028, 2, 29), 29),
            (OPENED, date(2028, 1, 31), 0),
            (date(2028, 2, 10), date(2028, 2, 12), 3),
            (date(2028, 2, 10), date(2028, 2, 9), 0),
        ],
    )
    def test_of_a_month_in_part_the_days_from_the_first_to_the_last(
        self, since: date, until: date | None, days: int
    ):
        found = [line.quantity for line in draft(FEBRUARY, {}, {}, since=since, until=until).lines]
        assert found == ([days] if days else [])

    def test_the_days_of_a_year_are_the_whole_fee_each_month(self):
        for month in between(date(2027, 1, 1), date(2028, 1, 1)):
            assert draft(month, {}, {}, since=OPENED, until=None).total == 49_00


causes = st.lists(
    st.tuples(
        st.integers(0, 200),  # the day it belongs to
        st.integers(0, 120),  # so many days later it is heard of
        st.sampled_from(KINDS),
        st.sampled_from(["", "marketing", "service", "claude-haiku-5-5", "other"]),
        st.integers(1, 3_000_000),
    ),
    max_size=40,
)


def issued(history: Iterable[tuple[int, int, str, str, int]]) -> tuple[list[Draft], Counter[Used]]:
    """Month after month is closed with what was known then; the drafts, and all that was used."""
    known: Counter[Used] = Counter()
    charged: Counter[Used] = Counter()
    drafts: list[Draft] = []
    events = sorted(
        (OPENED + timedelta(day + late), Used(first_of(OPENED + timedelta(day)), kind, detail), units)  # pyright: ignore[reportArgumentType]
        for day, late, kind, detail, units in history
    )
    for month in between(OPENED, date(2028, 1, 1)):
        for heard, key, units in events:
            if first_of(heard) == month:
                known[key] += units
        known_by_then = {key: units for key, units in known.items() if key.month <= month}
        found = draft(month, known_by_then, charged, since=OPENED, until=None)
        drafts.append(found)
        for line in lines(found):
            charged[Used(line.month, line.kind, line.detail)] += line.quantity  # pyright: ignore[reportArgumentType]
    return drafts, known


class TestAnyHistory:
    @given(causes)
    def test_the_lines_add_up_to_the_usage_in_units(self, history: list[tuple[int, int, str, str, int]]):
        drafts, known = issued(history)
        told: Counter[tuple[date, str, str]] = Counter()
        for found in drafts:
            for line in lines(found):
                told[line.month, line.kind, line.detail] += line.quantity
        assert told == Counter({tuple(key): units for key, units in known.items()})

    @given(causes)
    def test_and_in_money_to_the_price_of_each_month_as_a_whole(
        self, history: list[tuple[int, int, str, str, int]]
    ):
        """Whoever is late pays what they would have paid in time, to the cent."""
        drafts, known = issued(history)
        paid = sum(line.amount for found in drafts for line in lines(found))
        owed = sum(
            plan_of(key.month).rate(key.kind, key.detail).charge(units) for key, units in known.items()
        )
        assert paid == owed
        assert all(0 <= line.included <= line.quantity for found in drafts for line in lines(found))
        assert all(line.amount >= 0 for found in drafts for line in found.lines)


@given(st.dates(date(2016, 1, 1), date(2040, 12, 31)))
def test_months_follow_each_other(day: date):
    month = first_of(day)
    assert after(month) - timedelta(1) == month.replace(day=days_in(month))
    assert list(between(month, after(after(month)))) == [month, after(month)]
