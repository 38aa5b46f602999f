"""A mail of each kind in each language, about nobody: for whoever checks or looks at what ours say."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from leadsrally.kit.money import Money
from leadsrally.notices.compose import Letterhead, Said, address_of, compose
from leadsrally.notices.matters.tellings import TELLINGS
from leadsrally.notices.types import KINDS, LANGUAGES, Device, Fact, Mail, Name, Passage, Word

_AT: Final = datetime(2026, 11, 23, 15, 4, tzinfo=UTC)
_FACTS: Final[dict[str, Fact]] = {
    "at": _AT,
    "until": _AT.replace(day=24),
    "organization": Name("Harbour Bikes"),
    "inviter": "owner@example.com",
    "person": "agent@example.com",
    "certificate": "019ab0f2-7c55-7d4e-9a3b-5f0c2d1e8a44",
    "role": Word("role", "agent"),
    "second_factor": Word("second_factor", "on"),
    "key": Name("Nightly import"),
    "template": Name("spring_sale"),
    "template_language": Name("en_US"),
    "template_state": Word("template_state", "paused"),
    "channel": Name("+15005550020"),
    "invoice": Name("2026-000042"),
    "month": Name("2026-10"),
    "total": Money(61_40, "USD"),
    "ip": "203.0.113.9",
    "device": Device("Firefox", "Linux"),
    "dated": "2026-12-01",
    "effective": _AT.replace(month=12, day=17),
    "nature": Passage("A backup was readable from outside for an hour."),
    "people": "1200",
    "records": "3400",
    "consequences": Passage("Messages may be known to others."),
    "measures": Passage("The backup was closed and the keys were changed."),
    "scope": Passage("contacts 12, messages 340"),
    "changes": Passage("Files of messages are kept in another region."),
}


def specimens(head: Letterhead) -> Iterator[Mail]:
    """All of them, with `head` as they would carry it."""
    for language in LANGUAGES:
        for kind in KINDS:
            link = TELLINGS[kind].link
            token = "x" * 86 if link and link.purpose else None
            yield compose(
                Said(
                    key=UUID(int=0),
                    organization_id=UUID(int=0),
                    kind=kind,
                    address="somebody@example.com",
                    language=language,
                    time_zone="Europe/Berlin",
                    facts=_FACTS,
                    link=address_of(head.app_url, link.path, token) if link else None,
                ),
                head,
            )
