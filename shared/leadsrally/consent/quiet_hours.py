"""When a solicitation may reach a person: by the clock on that person's wall."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

# 47 CFR 64.1200(c)(1): not before 8 a.m. and not after 9 p.m. local time at the called party's location.
# Stricter states will come as a dated table; this federal window is the outer bound of all of them.
OPENS = time(8)
CLOSES = time(21)


def opening(now: datetime, time_zone: str) -> datetime:
    """The first instant from `now` on at which the window is open in `time_zone`; `now` itself when it is.

    Both ends by the local wall clock, so the days on which clocks change need no case of their own.
    `time_zone` is an IANA name; raises `zoneinfo.ZoneInfoNotFoundError` for any other.
    """
    zone = ZoneInfo(time_zone)
    local = now.astimezone(zone)
    if OPENS <= local.time() < CLOSES:
        return now
    day = local.date() if local.time() < OPENS else local.date() + timedelta(days=1)
    return datetime.combine(day, OPENS, zone).astimezone(UTC)
