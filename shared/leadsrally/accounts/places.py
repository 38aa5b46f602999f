"""Where an organisation is: its time zone, and the region of numbers that are written without a country code."""

from functools import cache
from zoneinfo import available_timezones

from leadsrally.kit.errors import Invalid
from leadsrally.kit.phone import is_region


def refuse_unknown_zone(time_zone: str) -> None:
    """Raise `Invalid` for what is no time zone of the IANA database."""
    if time_zone not in _time_zones():
        raise Invalid(
            "Choose a time zone from the IANA database, such as Europe/Berlin.", code="time_zone_unknown"
        )


def refuse_unknown_country(country: str) -> None:
    """Raise `Invalid` for what is no region with telephone numbers, by ISO 3166-1 alpha-2."""
    if not is_region(country):
        raise Invalid("Choose a country by its two letters of ISO 3166, such as US.", code="country_unknown")


@cache
def _time_zones() -> frozenset[str]:
    return frozenset(available_timezones())
