"""When the law lets a solicitation by text reach a person. Data only; `quiet_hours.py` reads it.

One row for each rule, with where it is found and since when it is in force. Counsel confirms the values before the
product is sold where they apply: published tables disagree, and where they do the stricter value is kept here. Rules
for public holidays are not in the table. A row that ends gets `until` and stays, so that what was decided while it
was in force can still be explained.
"""

from dataclasses import dataclass
from datetime import date, time
from typing import Final

_ANY_DAY: Final = frozenset(range(7))  # Monday is 0
_SUNDAY: Final = frozenset({6})
_SATURDAY: Final = frozenset({5})
_MONDAY_TO_SATURDAY: Final = _ANY_DAY - _SUNDAY
_MONDAY_TO_FRIDAY: Final = _MONDAY_TO_SATURDAY - _SATURDAY
_NEVER: Final = (time(0), time(0))


@dataclass(frozen=True, slots=True)
class Row:
    """On these days, in this place, from `opens` until before `closes` by the local clock; never where they are equal.

    `place` is a country by ISO 3166-1, or a state of it. `since` is None where the rule is older than this table.
    """

    place: str
    days: frozenset[int]
    opens: time
    closes: time
    source: str
    since: date | None = None
    until: date | None = None

    def holds(self, day: date, places: frozenset[str]) -> bool:
        """Whether the rule is about this day in one of these places."""
        begun = self.since is None or self.since <= day
        ended = self.until is not None and self.until < day
        return self.place in places and begun and not ended and day.weekday() in self.days


# The tables that were compared, as read on 23 and 24 November 2026.
_TABLES: Final = (
    "dropcowboy.com/state-compliance (1 Nov 2025) and support.referrizer.com (TCPA quiet hours), the stricter"
)
_STELLO: Final = "usestello.com/compliance (8 Apr 2026)"

ROWS: Final[tuple[Row, ...]] = (
    Row("US", _ANY_DAY, time(8), time(21), "47 CFR 64.1200(c)(1)"),
    Row("US-AL", _MONDAY_TO_SATURDAY, time(8), time(20), "Ala. Admin. Code r. 770-X-5-.17"),
    Row("US-AL", _SUNDAY, *_NEVER, "Ala. Admin. Code r. 770-X-5-.17"),
    Row("US-CA", _ANY_DAY, time(9), time(21), f"Cal. Pub. Util. Code § 2872(c); {_STELLO}"),
    Row("US-CT", _ANY_DAY, time(9), time(20), "Conn. Gen. Stat. § 42-288a", date(2023, 10, 1)),
    Row("US-FL", _ANY_DAY, time(8), time(20), "Fla. Stat. § 501.616(6)", date(2021, 7, 1)),
    Row("US-IL", _ANY_DAY, time(9), time(21), f"815 ILCS 413/15; {_STELLO}"),
    Row("US-KY", _ANY_DAY, time(10), time(21), "KRS 367.46955"),
    Row("US-LA", _MONDAY_TO_SATURDAY, time(8), time(20), f"La. R.S. 45:844.31; {_TABLES}"),
    Row("US-LA", _SUNDAY, *_NEVER, f"La. R.S. 45:844.31; {_TABLES}"),
    Row("US-MA", _ANY_DAY, time(8), time(20), "201 CMR 12.00"),
    Row("US-MD", _ANY_DAY, time(8), time(20), "Md. Code, Com. Law § 14-4501", date(2024, 1, 1)),
    Row("US-MI", _ANY_DAY, time(9), time(21), f"MCL 750.540e; {_STELLO}"),
    Row("US-MN", _ANY_DAY, time(9), time(21), f"Minn. Stat. § 325E.30; {_STELLO}"),
    Row("US-MS", _MONDAY_TO_SATURDAY, time(8), time(20), _TABLES),
    Row("US-MS", _SUNDAY, *_NEVER, _TABLES),
    Row("US-NJ", _ANY_DAY, time(8), time(20), _TABLES, date(2024, 1, 1)),
    Row("US-NM", _ANY_DAY, time(9), time(21), _TABLES),
    Row("US-NV", _ANY_DAY, time(9), time(20), _TABLES),
    Row("US-OK", _ANY_DAY, time(8), time(20), "Okla. Stat. tit. 15 § 775C.4", date(2022, 11, 1)),
    Row("US-RI", _MONDAY_TO_FRIDAY, time(9), time(18), f"R.I. Gen. Laws § 5-61-3.6; {_TABLES}"),
    Row("US-RI", _SATURDAY, time(10), time(17), f"R.I. Gen. Laws § 5-61-3.6; {_TABLES}"),
    Row("US-RI", _SUNDAY, *_NEVER, f"R.I. Gen. Laws § 5-61-3.6; {_TABLES}"),
    Row(
        "US-TX",
        _MONDAY_TO_SATURDAY,
        time(9),
        time(21),
        "Tex. Bus. & Com. Code § 301.051, for texts since SB 140",
        date(2025, 9, 1),
    ),
    Row(
        "US-TX",
        _SUNDAY,
        time(12),
        time(21),
        "Tex. Bus. & Com. Code § 301.051, for texts since SB 140",
        date(2025, 9, 1),
    ),
    Row("US-WA", _ANY_DAY, time(8), time(20), "RCW 80.36.390 as of HB 1497", date(2022, 6, 9)),
)

# Where nobody knows the place: what is open in most of the states above.
UNKNOWN: Final = Row("unknown", _ANY_DAY, time(9), time(20), "our own rule: the place is not known")
