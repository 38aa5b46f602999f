"""Where a person may be, as far as their record and their number tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

_LONGEST_CODE = 3  # digits of a country's calling code; of an area code in the North American plan too


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """Time zones of the IANA database, any of which may be the person's, and whose law protects the number.

    `regions` are countries by ISO 3166-1, in the United States with the state (US-FL), of each of the person's numbers;
    none: not known. A number keeps the law of its area code though its owner has moved: some states presume that it
    tells where the person is (Fla. Stat. § 501.059(8)(d)).
    """

    zones: tuple[str, ...]
    regions: tuple[str, ...]
    known_by: Literal["contact", "number", "organization"]


def whereabouts(numbers: Iterable[str], own_zone: str | None, organization_zone: str) -> Whereabouts:
    """The zone that stands in the person's record, else those of the numbers' area codes, else the organisation's.

    `numbers` are that to which the message goes and others of the person's: what each of them tells counts.
    """
    found = [_of_number(number) for number in numbers]
    regions = tuple(dict.fromkeys(region for region, _ in found if region))
    zones = tuple(dict.fromkeys(zone for _, zones in found for zone in zones))
    if own_zone:
        return Whereabouts((own_zone,), regions, "contact")
    if zones:
        return Whereabouts(zones, regions, "number")
    return Whereabouts((organization_zone,), regions, "organization")


def _of_number(phone: str) -> tuple[str | None, tuple[str, ...]]:
    if not phone.startswith("+"):
        return None, ()  # a short code, a name, or a person known by an id alone
    places = _places()
    if phone.startswith("+1"):
        return places.get(phone[: 2 + _LONGEST_CODE], (None, ()))
    for length in range(_LONGEST_CODE, 0, -1):
        found = places.get(phone[: 1 + length])
        if found is not None:
            return found
    return None, ()


@cache
def _places() -> dict[str, tuple[str | None, tuple[str, ...]]]:
    """By calling code, of the North American plan with the area code.

    Every zone in which numbers of the code are, out of the metadata of libphonenumber 9.0.42 (Apache 2.0). Where a
    newer code overlays an older one it has the older one's zones. Where the metadata has the zone of another country
    with much the same clock (Morocco had that of the Canary Islands), or a name that the IANA gave up, the country's
    own stands instead, by zone.tab of the tz database, 2026.
    """
    text = (resources.files("leadsrally.consent") / "number_places.tsv").read_text(encoding="utf-8")
    places: dict[str, tuple[str | None, tuple[str, ...]]] = {}
    for line in text.splitlines():
        region, codes, zones = line.split("\t")
        places |= dict.fromkeys(codes.split(), (region, tuple(zones.split())))
    return places
