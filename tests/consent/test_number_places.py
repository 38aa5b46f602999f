"""Where numbers are: each zone of the table is a zone of a country that has the code, by the tz database itself."""

from importlib import resources
from zoneinfo import ZoneInfo

import phonenumbers
import pytest

from leadsrally.consent.whereabouts import _places, whereabouts

# Those that zone.tab, which lists countries of ISO 3166-1, has under somebody else.
UNDER = {"XK": "RS", "AC": "SH"}
TERRITORIES = frozenset(
    {"AS", "GU", "MP", "PR", "VI"}
)  # of the United States, with countries' codes of their own


def zones_of() -> dict[str, set[str]]:
    table = (resources.files("tzdata") / "zoneinfo" / "zone.tab").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for line in table.splitlines():
        if not line.startswith("#"):
            country, _, zone, *_ = line.split("\t")
            found.setdefault(country, set()).add(zone)
    return found


def countries_of(code: str, region: str) -> list[str]:
    """Of the North American plan the one that the area code is of; else all that share the calling code."""
    if code.startswith("+1"):
        country, _, part = region.partition("-")
        return [part if part in TERRITORIES else country]
    return list(phonenumbers.COUNTRY_CODE_TO_REGION_CODE[int(code[1:])])


def test_S12_every_zone_is_of_a_country_that_has_the_code() -> None:
    own = zones_of()
    for code, (region, zones) in _places().items():
        assert region
        assert zones
        have = set().union(*(own.get(UNDER.get(one, one), set()) for one in countries_of(code, region)))
        assert set(zones) <= have, code


def test_S12_every_code_of_a_country_has_a_place() -> None:
    codes = {
        f"+{code}"
        for code, regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()
        if code != 1 and regions != ("001",)
    }
    assert codes <= _places().keys()


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+212650123456", ("Africa/Casablanca",)),
        ("+970599123456", ("Asia/Gaza", "Asia/Hebron")),
        ("+213551234567", ("Africa/Algiers",)),
        ("+218912345678", ("Africa/Tripoli",)),
        ("+211977123456", ("Africa/Juba",)),
        ("+50581234567", ("America/Managua",)),
        ("+353850123456", ("Europe/Dublin",)),
    ],
)
def test_S12_countries_that_had_the_clock_of_another(number: str, zones: tuple[str, ...]) -> None:
    found = whereabouts([number], None, "America/New_York")
    assert (found.zones, found.known_by) == (zones, "number")
    assert all(ZoneInfo(zone) for zone in zones)
