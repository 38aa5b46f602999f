"""S12: when an offer may reach a person, in every zone and on every day on which clocks change."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo, available_timezones

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsrally.consent.calling_hours import ROWS, UNKNOWN
from leadsrally.consent.quiet_hours import EARLIEST, LATEST, OwnHours, Reckoning, reckon
from leadsrally.consent.types import ChannelKind
from leadsrally.consent.whereabouts import Whereabouts, _places, whereabouts

MESSAGE = UUID(int=7)
START = datetime(2020, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ZONES = sorted(available_timezones() - {"localtime", "Factory"})


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def asked(
    now: datetime, *zones: str, region: str | None = "US-NY", kind: ChannelKind = "sms", **options: Any
) -> Reckoning:
    """Somebody whose zones are known; by default where no state is stricter than the federal rule."""
    own = options.pop("own", OwnHours())
    known_by = options.pop("known_by", "contact")
    return reckon(
        now,
        Whereabouts(zones, (region,) if region else (), known_by),
        own,
        kind,
        options.pop("id", MESSAGE),
        **options,
    )


class TestWindow:
    @pytest.mark.parametrize(
        ("local", "zone", "opens"),
        [
            ("2026-11-23T07:59:59-05:00", "America/New_York", "2026-11-23T08:00:00-05:00"),
            ("2026-11-23T08:00:00-05:00", "America/New_York", None),
            ("2026-11-23T20:59:59.999999-05:00", "America/New_York", None),
            ("2026-11-23T21:00:00-05:00", "America/New_York", "2026-11-24T08:00:00-05:00"),
            ("2026-11-23T00:00:00-05:00", "America/New_York", "2026-11-23T08:00:00-05:00"),
            # Spring gap: the night of 8 March 2026 is an hour shorter, the morning opens by the wall clock.
            ("2026-03-07T21:30:00-05:00", "America/New_York", "2026-03-08T08:00:00-04:00"),
            ("2026-03-08T07:59:59-04:00", "America/New_York", "2026-03-08T08:00:00-04:00"),
            ("2026-03-08T08:00:00-04:00", "America/New_York", None),
            # Autumn fold: 1:30 comes twice on 1 November 2026.
            ("2026-11-01T01:30:00-04:00", "America/New_York", "2026-11-01T08:00:00-05:00"),
            ("2026-11-01T01:30:00-05:00", "America/New_York", "2026-11-01T08:00:00-05:00"),
            ("2026-11-01T20:59:59-05:00", "America/New_York", None),
            # Arizona keeps standard time in summer, the Navajo Nation beside it does not.
            ("2026-07-01T07:30:00-07:00", "America/Phoenix", "2026-07-01T08:00:00-07:00"),
            ("2026-07-01T08:30:00-06:00", "America/Denver", None),
            ("2026-07-01T20:30:00-07:00", "America/Phoenix", None),
            # Guam is a day ahead of most of the country.
            ("2026-11-24T07:59:59+10:00", "Pacific/Guam", "2026-11-24T08:00:00+10:00"),
            ("2026-11-24T08:00:00+10:00", "Pacific/Guam", None),
            # A half-hour zone.
            ("2026-11-23T07:45:00+05:30", "Asia/Kolkata", "2026-11-23T08:00:00+05:30"),
        ],
    )
    def test_S12_the_federal_window(self, local: str, zone: str, opens: str | None):
        now = at(local)
        assert asked(now, zone).opens_at == (now if opens is None else at(opens))

    @pytest.mark.parametrize(
        ("local", "region", "opens"),
        [
            # A Monday.
            ("2026-11-23T20:00:00-05:00", "US-FL", "2026-11-24T08:00:00-05:00"),
            ("2026-11-23T19:59:59-05:00", "US-FL", None),
            ("2026-11-23T08:00:00-05:00", "US-CT", "2026-11-23T09:00:00-05:00"),
            ("2026-11-23T09:30:00-05:00", "US-KY", "2026-11-23T10:00:00-05:00"),
            ("2026-11-23T18:00:00-05:00", "US-RI", "2026-11-24T09:00:00-05:00"),
            # Saturday evening, and Sunday.
            ("2026-11-21T17:00:00-05:00", "US-RI", "2026-11-23T09:00:00-05:00"),
            ("2026-11-22T12:00:00-05:00", "US-RI", "2026-11-23T09:00:00-05:00"),
            ("2026-11-22T12:00:00-05:00", "US-AL", "2026-11-23T08:00:00-05:00"),
            ("2026-11-22T12:00:00-05:00", "US-LA", "2026-11-23T08:00:00-05:00"),
            ("2026-11-22T12:00:00-05:00", "US-MS", "2026-11-23T08:00:00-05:00"),
            ("2026-11-22T11:59:59-05:00", "US-TX", "2026-11-22T12:00:00-05:00"),
            ("2026-11-22T12:00:00-05:00", "US-TX", None),
            ("2026-11-22T20:59:59-05:00", "US-TX", None),
            # What is no text, and where no law of ours is known.
            ("2026-11-23T20:30:00-05:00", "DE", None),
            ("2026-11-22T12:00:00-05:00", None, None),
        ],
    )
    def test_S12_states_are_stricter(self, local: str, region: str | None, opens: str | None):
        now = at(local)
        expected = now if opens is None else at(opens)
        assert asked(now, "America/New_York", region=region).opens_at == expected

    def test_a_rule_holds_from_its_day_on(self):
        before, after = at("2021-06-30T20:30:00-04:00"), at("2021-07-01T20:30:00-04:00")
        assert asked(before, "America/New_York", region="US-FL").opens_at == before
        assert asked(after, "America/New_York", region="US-FL").opens_at == at("2021-07-02T08:00:00-04:00")

    def test_whatsapp_keeps_the_customers_hours_alone(self):
        late = at("2026-11-23T20:30:00-05:00")
        assert asked(late, "America/New_York", region="US-FL", kind="whatsapp").opens_at == late
        own = OwnHours(time(9), time(20))
        reckoned = asked(late, "America/New_York", region="US-FL", kind="whatsapp", own=own)
        assert reckoned.opens_at == at("2026-11-24T09:00:00-05:00")

    def test_the_customer_may_be_stricter_and_never_wider(self):
        own = OwnHours(time(10), time(18))
        assert asked(at("2026-11-23T09:00:00-05:00"), "America/New_York", own=own).opens_at == at(
            "2026-11-23T10:00:00-05:00"
        )
        wide = OwnHours(time(0), time(23))
        assert asked(at("2026-11-23T07:00:00-05:00"), "America/New_York", own=wide).opens_at == at(
            "2026-11-23T08:00:00-05:00"
        )

    def test_an_unknown_place_has_narrower_hours(self):
        now = at("2026-11-23T20:30:00-05:00")
        assert asked(now, "America/New_York", known_by="organization", region=None).opens_at == at(
            "2026-11-24T09:00:00-05:00"
        )

    def test_hours_that_never_come_are_told(self):
        own = OwnHours(time(20), time(21))  # Rhode Island ends at six
        assert (
            asked(at("2026-11-23T12:00:00-05:00"), "America/New_York", region="US-RI", own=own).opens_at
            is None
        )


class TestSeveralZones:
    def test_all_of_them_must_be_open(self):
        zones = ("America/Chicago", "America/New_York")
        assert asked(at("2026-11-23T08:30:00-05:00"), *zones).opens_at == at("2026-11-23T09:00:00-05:00")
        evening = asked(at("2026-11-23T20:30:00-05:00"), *zones)
        assert (evening.opens_at, evening.closes_at) == (
            at("2026-11-23T20:30:00-05:00"),
            at("2026-11-23T21:00:00-05:00"),
        )
        assert asked(at("2026-11-23T21:00:00-05:00"), *zones).opens_at == at("2026-11-24T08:00:00-06:00")

    def test_zones_that_are_never_awake_together(self):
        own = OwnHours(time(8), time(12))
        assert asked(at("2026-11-23T12:00:00Z"), "Pacific/Guam", "America/New_York", own=own).opens_at is None

    @given(
        st.lists(st.sampled_from(ZONES), min_size=1, max_size=3, unique=True),
        st.integers(0, 15 * 366 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes)),
    )
    @settings(max_examples=100, deadline=None)
    def test_S12_it_is_the_first_instant_at_which_every_wall_clock_is_within(
        self, zones: list[str], now: datetime
    ):
        opens_at = asked(now, *zones).opens_at
        if opens_at is None:
            return
        assert open_by_the_wall(zones, opens_at)
        assert opens_at == now or not open_by_the_wall(zones, opens_at - SECOND)
        minute = now
        while minute < opens_at:
            assert not open_by_the_wall(zones, minute), minute
            minute += timedelta(minutes=15)


def open_by_the_wall(zones: list[str], instant: datetime) -> bool:
    """What a person there would say."""
    return all(EARLIEST <= instant.astimezone(ZoneInfo(zone)).time() < LATEST for zone in zones)


def changes(zone: str) -> tuple[tuple[date, timedelta | None], ...]:
    """Every day from 2022 to 2030 on which the clocks of this zone change, and to which offset; the first day too."""
    known, day, found = ZoneInfo(zone), date(2022, 1, 1), [(date(2022, 1, 1), timedelta(days=9))]
    while day < date(2031, 1, 1):
        offset = datetime.combine(day, time(12), known).utcoffset()
        if offset != found[-1][1]:
            found.append((day, offset))
        day += timedelta(days=1)
    return tuple(found[1:])


class TestEveryZone:
    def test_S12_every_zone_on_every_day_of_change(self):
        """By the wall clock of each, every half an hour from the evening before to the night after.

        Zones that change together and alike are asked about once.
        """
        alike = {changes(zone): zone for zone in ZONES}
        assert len(alike) > 70
        tried = 0
        for changing, zone in alike.items():
            for day, _ in changing[1:]:
                self._try(zone, day)
                tried += 1
        assert tried > 500

    def _try(self, zone: str, day: date) -> None:
        now = datetime.combine(day - timedelta(days=1), time(20), ZoneInfo(zone)).astimezone(UTC)
        reckoned = asked(now, zone)
        for _ in range(2 * 28):
            if reckoned.closes_at is not None and now >= reckoned.closes_at:
                reckoned = asked(now, zone)
            assert reckoned.opens_at is not None
            assert (reckoned.opens_at <= now) == open_by_the_wall([zone], now), (zone, now)
            now += timedelta(minutes=30)

    def test_S12_every_zone_opens_at_eight_and_closes_at_nine(self):
        for zone in ZONES:
            night = datetime.combine(date(2026, 11, 23), time(3), ZoneInfo(zone)).astimezone(UTC)
            reckoned = asked(night, zone)
            assert reckoned.opens_at is not None
            assert reckoned.closes_at is not None
            assert reckoned.opens_at.astimezone(ZoneInfo(zone)).time() == time(8), zone
            assert reckoned.closes_at.astimezone(ZoneInfo(zone)).time() == time(21), zone


class TestSpread:
    NIGHT = at("2026-11-23T23:00:00-05:00")

    def _release(self, message_id: UUID, **options: Any) -> timedelta:
        reckoned = asked(self.NIGHT, "America/New_York", id=message_id, **options)
        assert reckoned.opens_at is not None
        assert reckoned.release_at is not None
        return reckoned.release_at - reckoned.opens_at

    def test_it_is_the_same_however_often_one_asks(self):
        assert self._release(MESSAGE) == self._release(MESSAGE)

    def test_a_campaign_goes_over_half_an_hour_and_not_at_once(self):
        minutes = Counter(self._release(uuid4()) // timedelta(minutes=5) for _ in range(600))
        assert set(minutes) == set(range(6))
        assert max(minutes.values()) < 200

    def test_it_is_never_past_the_end_of_the_message_or_of_the_day(self):
        opening = at("2026-11-24T08:00:00-05:00")
        for _ in range(50):
            assert self._release(uuid4(), expires_at=opening + timedelta(minutes=4)) < timedelta(minutes=2)

    def test_who_need_not_wait_does_not(self):
        noon = at("2026-11-23T12:00:00-05:00")
        assert asked(noon, "America/New_York").release_at == noon


class TestWhereabouts:
    @pytest.mark.parametrize(
        ("phone", "own", "expected"),
        [
            ("+13055551234", None, (("America/New_York",), ("US-FL",), "number")),
            ("+18505551234", None, (("America/Chicago", "America/New_York"), ("US-FL",), "number")),
            ("+16895551234", None, (("America/New_York",), ("US-FL",), "number")),
            ("+13055551234", "America/Denver", (("America/Denver",), ("US-FL",), "contact")),
            ("+14165551234", None, (("America/Toronto",), ("CA",), "number")),
            ("+17875551234", None, (("America/Puerto_Rico",), ("US-PR",), "number")),
            ("+4930123456", None, (("Europe/Berlin",), ("DE",), "number")),
            ("+3531234567", None, (("Europe/Dublin",), ("IE",), "number")),
            ("+2621234567", None, (("Indian/Mayotte", "Indian/Reunion"), ("RE",), "number")),
            ("+18005551234", None, (("America/Phoenix",), (), "organization")),
            ("+99999", None, (("America/Phoenix",), (), "organization")),
            ("12345", None, (("America/Phoenix",), (), "organization")),
            (None, None, (("America/Phoenix",), (), "organization")),
            (None, "Asia/Tokyo", (("Asia/Tokyo",), (), "contact")),
        ],
    )
    def test_a_record_a_number_an_organisation(self, phone: str | None, own: str | None, expected: Any):
        found = whereabouts([phone] if phone else [], own, "America/Phoenix")
        assert (found.zones, found.regions, found.known_by) == expected

    def test_every_zone_of_the_table_exists(self):
        for _, zones in _places().values():
            assert zones
            for zone in zones:
                ZoneInfo(zone)

    def test_every_area_code_that_the_metadata_knows_is_in_the_table(self):
        """Libphonenumber says which exist; toll-free and other codes without a place are left to the organisation."""
        missing = [
            code
            for code in range(200, 1000)
            if _has_place(f"+1{code}2345678") and f"+1{code}" not in _places()
        ]
        assert missing == []

    def test_every_state_has_an_area_code(self):
        regions = {region for region, _ in _places().values() if region and region.startswith("US-")}
        assert len(regions) == 50 + 1 + 5  # states, the capital and five territories


def _has_place(number: str) -> bool:
    parsed = phonenumbers.parse(number)
    places = {
        "AG",
        "AI",
        "AS",
        "BB",
        "BM",
        "BS",
        "CA",
        "DM",
        "DO",
        "GD",
        "GU",
        "JM",
        "KN",
        "KY",
        "LC",
        "MP",
        "MS",
    }
    places |= {"PR", "SX", "TC", "TT", "US", "VC", "VG", "VI"}
    kinds = {phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE}
    return phonenumbers.region_code_for_number(parsed) in places and phonenumbers.number_type(parsed) in kinds


class TestTable:
    def test_every_row_is_within_the_federal_rule_and_has_a_source(self):
        for row in (*ROWS, UNKNOWN):
            assert row.source
            assert row.opens == row.closes or EARLIEST <= row.opens < row.closes <= LATEST
            assert row.until is None or row.since is None or row.since <= row.until

    def test_no_two_rows_speak_of_the_same_day(self):
        for place in {row.place for row in ROWS}:
            for day in (date(2026, 11, 23) + timedelta(days=n) for n in range(7)):
                rows = [row for row in ROWS if row.holds(day, frozenset({place}))]
                assert len(rows) <= 1, (place, day)

    def test_every_place_is_one_where_numbers_are(self):
        regions = {region for region, _ in _places().values()}
        assert {row.place for row in ROWS} - {"US"} <= regions
