"""The text of the policy says each promise once, in sections that are numbered as the promises are; and its dates."""

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.local.functions import PROJECT
from leadsrally.disclosures.subprocessors import SUBPROCESSORS
from leadsrally.privacy.clauses.check_all import CLAUSES
from leadsrally.privacy.policy.dates import NOTICE, announced_for, effective
from leadsrally.privacy.policy.text import Text, text_of, texts

INSTANTS = st.integers(0, 440_000_000_000_000).map(
    lambda microseconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


class TestText:
    @pytest.mark.parametrize("text", texts(), ids=lambda text: str(text.dated))
    def test_each_promise_stands_once_in_the_section_of_its_number(self, text: Text):
        told = [(item.clause, section.number) for section in text.sections for item in section.items]
        assert [clause for clause, _ in told] == [clause.id for clause in CLAUSES]
        assert all(clause.startswith(f"P{number}.") for clause, number in told)
        assert [section.number for section in text.sections] == list(range(1, 12))

    @pytest.mark.parametrize("text", texts(), ids=lambda text: str(text.dated))
    def test_nothing_but_our_addresses_is_left_to_be_filled_in(self, text: Text):
        words = " ".join(item.text for section in text.sections for item in section.items)
        assert set(re.findall(r"\{(.*?)\}", words)) == {"privacy", "support"}

    def test_the_first_is_of_its_day(self):
        assert text_of(date(2026, 4, 17)) is texts()[0]
        assert text_of(date(2026, 4, 18)) is None

    def test_a_fingerprint_tells_of_every_word_and_of_who_is_listed(self):
        text = texts()[0]
        section = text.sections[3]
        other = replace(section, items=(replace(section.items[0], text="x"), *section.items[1:]))
        changed = replace(text, sections=(*text.sections[:3], other, *text.sections[4:]))
        prints = {
            text.fingerprint(("railway",)),
            changed.fingerprint(("railway",)),
            text.fingerprint(("aws",)),
        }
        prints.add(text.fingerprint(("railway", "aws")))
        assert len(prints) == 4
        assert text.fingerprint(("railway",)) == texts()[0].fingerprint(("railway",))

    def test_O11_each_subprocessor_joined_with_a_version(self):
        """Else no version would list it, and no page."""
        assert {entry.since for entry in SUBPROCESSORS.values()} <= {text.dated for text in texts()}


class TestDates:
    @pytest.mark.parametrize(
        ("last", "day"),
        [
            ("2026-12-01T00:00:00", "2026-12-15T00:00:00"),
            ("2026-12-01T00:00:00.000001", "2026-12-16T00:00:00"),
            ("2026-12-01T23:59:59.999999", "2026-12-16T00:00:00"),
            ("2026-12-20T12:00:00", "2027-01-04T00:00:00"),
            ("2028-02-15T00:00:00", "2028-02-29T00:00:00"),
        ],
    )
    def test_O10_fourteen_days_after_the_last_notice_and_on_a_midnight(self, last: str, day: str):
        at = datetime.fromisoformat(last).replace(tzinfo=UTC)
        assert effective(at, at) == datetime.fromisoformat(day).replace(tzinfo=UTC)

    @given(INSTANTS, INSTANTS)
    def test_O10_never_earlier_than_announced_nor_than_fourteen_days(
        self, announced: datetime, last: datetime
    ):
        day = effective(announced, last)
        assert day >= announced
        assert day - last >= NOTICE
        assert day == announced or day - last < NOTICE + timedelta(days=1)

    @given(INSTANTS, st.dates(date(2026, 1, 1), date(2040, 1, 1)))
    def test_what_is_announced_leaves_time_for_the_mails(self, published: datetime, wanted: date):
        day = announced_for(published, wanted)
        assert day - published >= NOTICE + timedelta(days=2)
        assert day.date() >= wanted
        assert day >= announced_for(published, None)


def test_the_sign_up_form_shows_the_newest_version():
    """Else whoever comes in now would be asked to accept one that is replaced, and be refused."""
    form = (PROJECT / "frontend" / "src" / "account" / "attest.tsx").read_text("utf-8")
    assert re.findall(r"POLICY = '(.*?)'", form) == [texts()[-1].dated.isoformat()]
