"""The mails that were taken, and what the mail servers they were sent to make of them."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

KEPT = 1_000

# What happens at an address, by how it begins; after the provider's own: https://resend.com/docs/dashboard/emails/send-test-emails
_FATES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("bounce", ("sent", "bounced")),
    ("complain", ("sent", "delivered", "complained")),
    ("spam", ("sent", "delivered", "complained")),
    ("suppress", ("suppressed",)),
    ("delay", ("sent", "delivery_delayed", "delivered")),
    ("fail", ("failed",)),
    ("silent", ("sent",)),
)
_USUAL = ("sent", "delivered")

# What each event adds to its `data`.
DETAILS: Mapping[str, Mapping[str, Any]] = {
    "bounced": {
        "bounce": {
            "type": "Permanent",
            "subType": "General",
            "message": "The recipient's email provider sent a hard bounce message.",
            "diagnosticCode": "smtp; 550 5.1.1 The email account that you tried to reach does not exist",
        }
    },
    "failed": {"failed": {"reason": "reached_daily_quota"}},
    "suppressed": {
        "suppressed": {
            "type": "OnAccountSuppressionList",
            "message": "The address is on the suppression list.",
        }
    },
}


@dataclass
class Letter:
    """One mail to one mailbox, as the page shows it."""

    sender: str
    to: str
    subject: str
    text: str
    html: str
    reply_to: list[str]
    headers: dict[str, str]
    tags: dict[str, str]
    id: str = field(default_factory=lambda: str(uuid4()))
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    events: list[str] = field(default_factory=list)

    def as_json(self, *, whole: bool = False) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "id": self.id,
            "at": self.at.isoformat(),
            "from": self.sender,
            "to": self.to,
            "subject": self.subject,
            "events": self.events,
        }
        if whole:
            shown |= {
                "text": self.text,
                "html": self.html,
                "reply_to": self.reply_to,
                "headers": self.headers,
                "tags": self.tags,
            }
        return shown


class Mailbox:
    """Newest last. Addresses that bounced or complained are suppressed, as at the provider, until removed."""

    def __init__(self) -> None:
        self.letters: deque[Letter] = deque(maxlen=KEPT)
        self.suppressed: dict[str, str] = {}

    def find(self, identifier: str) -> Letter | None:
        return next((letter for letter in self.letters if letter.id == identifier), None)

    def fate(self, address: str) -> tuple[str, ...]:
        """The events that a mail to this address will meet, in order."""
        if address.lower() in self.suppressed:
            return ("suppressed",)
        return next((fate for start, fate in _FATES if address.lower().startswith(start)), _USUAL)

    def note(self, letter: Letter, event: str, details: Mapping[str, Any]) -> None:
        letter.events.append(event)
        hard = details.get("bounce", {}).get("type") == "Permanent"
        if event == "complained" or (event == "bounced" and hard):
            self.suppressed.setdefault(letter.to.lower(), str(uuid4()))
