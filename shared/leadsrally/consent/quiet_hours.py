"""When an offer may reach a person: by the clock on that person's wall, the law and the customer's own hours.

What answers somebody is no solicitation and is not asked about here. The law's hours are about texts; the customer's
own hold on every kind of channel.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from leadsrally.consent.calling_hours import ROWS, UNKNOWN, Row
from leadsrally.consent.types import ChannelKind
from leadsrally.consent.whereabouts import Whereabouts

EARLIEST: Final = time(8)
LATEST: Final = time(21)
"""A customer's own hours lie within these: stricter than the law, never wider."""
_DAYS_AHEAD: Final = 9  # after a week every weekday has been tried
_SPREAD: Final = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class OwnHours:
    """From `opens` until before `closes`, by the person's clock, as the customer wants it."""

    opens: time = EARLIEST
    closes: time = LATEST


@dataclass(frozen=True, slots=True)
class Window:
    """One day in one zone. Never open where `opens` is not before `closes`."""

    zone: str
    day: date
    opens: time
    closes: time
    sources: tuple[str, ...]

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """From when until before when, in UTC."""
        zone = ZoneInfo(self.zone)
        first, last = (datetime.combine(self.day, wall, zone) for wall in (self.opens, self.closes))
        return first.astimezone(UTC), last.astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Reckoning:
    """What was found, and from what: kept with the verdict.

    `opens_at` is the first instant from now on at which every window is open, now itself when they are; None: they
    never are together. `closes_at` is when the first of them closes after that. `release_at` is when a message that
    waits goes: a little after the opening, so that not all go at once.
    """

    whereabouts: Whereabouts
    windows: tuple[Window, ...]
    opens_at: datetime | None
    closes_at: datetime | None
    release_at: datetime | None


def reckon(
    now: datetime,
    whereabouts: Whereabouts,
    own: OwnHours,
    kind: ChannelKind,
    message_id: UUID,
    *,
    expires_at: datetime | None = None,
) -> Reckoning:
    """When this message may go to somebody who may be in any of these zones: when it is day in all of them.

    Raises `zoneinfo.ZoneInfoNotFoundError` for what is no zone.
    """
    at = now
    windows = _windows(at, whereabouts, own, kind)
    # Each round goes to the latest of the openings; what has closed by then is asked about again.
    for _ in range(_DAYS_AHEAD * len(whereabouts.zones)):
        if windows is None:
            break
        opening = max(window.instants[0] for window in windows)
        if opening <= at:
            closes_at = min(window.instants[1] for window in windows)
            release_at = at if at == now else at + _spread(message_id, at, closes_at, expires_at)
            return Reckoning(whereabouts, windows, at, closes_at, release_at)
        at = opening
        windows = _windows(at, whereabouts, own, kind)
    return Reckoning(whereabouts, windows or (), None, None, None)


def _windows(
    at: datetime, whereabouts: Whereabouts, own: OwnHours, kind: ChannelKind
) -> tuple[Window, ...] | None:
    """In each zone the window that is open at this instant, or else the next one. None: some zone has none."""
    found = [_window(at, zone, whereabouts, own, kind) for zone in whereabouts.zones]
    return None if None in found else tuple(window for window in found if window is not None)


def _window(
    at: datetime, zone: str, whereabouts: Whereabouts, own: OwnHours, kind: ChannelKind
) -> Window | None:
    today = at.astimezone(ZoneInfo(zone)).date()
    for ahead in range(_DAYS_AHEAD):
        day = today + timedelta(days=ahead)
        rows = list(_rows(day, whereabouts, kind))
        opens = max([own.opens, *(row.opens for row in rows)])
        closes = min([own.closes, *(row.closes for row in rows)])
        window = Window(zone, day, opens, closes, tuple(row.source for row in rows))
        if opens < closes and at < window.instants[1]:
            return window
    return None


def _rows(day: date, whereabouts: Whereabouts, kind: ChannelKind) -> Iterable[Row]:
    if kind != "sms":
        return
    places = frozenset(place for region in whereabouts.regions for place in _places(region))
    yield from (row for row in ROWS if row.holds(day, places))
    if whereabouts.known_by == "organization":
        yield UNKNOWN


def _places(region: str) -> Iterable[str]:
    """The country and its states, of which an area code may have several (US-KY+TN)."""
    country, _, states = region.partition("-")
    return country, *(f"{country}-{state}" for state in states.split("+") if state)


def _spread(message_id: UUID, opening: datetime, closing: datetime, expires_at: datetime | None) -> timedelta:
    """How long after the opening this message goes: by its id, so that asking twice gives one answer."""
    end = closing if expires_at is None else min(closing, expires_at)
    room = min(_SPREAD, max(timedelta(0), (end - opening) / 2))
    share = int.from_bytes(hashlib.sha256(message_id.bytes).digest()[:4]) / 2**32
    return timedelta(seconds=int(room.total_seconds() * share))
