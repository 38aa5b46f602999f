"""The phones at the other end: what they hold, and whom they have opted out of."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from infra.simulators.twilio.messages import now

# https://help.twilio.com/articles/223134027 and https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
STOP_WORDS = frozenset({"STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"})
START_WORDS = frozenset({"START", "UNSTOP", "YES"})
HELP_WORDS = frozenset({"HELP", "INFO"})

CONFIRMATIONS = {
    "STOP": "You have successfully been unsubscribed. You will not receive any more messages from this number. Reply START to resubscribe.",
    "START": "You have successfully been re-subscribed to messages from this number. Reply HELP for help. Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
    "HELP": "Reply STOP to unsubscribe. Msg&Data Rates May Apply.",
}


def keyword(body: str | None) -> str | None:
    """STOP, START or HELP when the text is exactly one of the provider's words, else nothing."""
    word = (body or "").strip().upper()
    if word in STOP_WORDS:
        return "STOP"
    if word in START_WORDS:
        return "START"
    return "HELP" if word in HELP_WORDS else None


@dataclass
class Bubble:
    """One message as the phone shows it. `kind` is `text`, or `provider` for the provider's own words."""

    sid: str
    direction: str
    other: str
    body: str | None
    media: list[str] = field(default_factory=list)
    kind: str = "text"
    at: datetime = field(default_factory=now)

    def as_json(self) -> dict[str, Any]:
        return {
            "sid": self.sid,
            "direction": self.direction,
            "with": self.other,
            "body": self.body,
            "media": self.media,
            "kind": self.kind,
            "at": self.at.isoformat(),
        }


class Handsets:
    """Phones come into being when they are named at start, text, or are texted."""

    def __init__(self, numbers: Iterable[str] = (), keep: int = 500) -> None:
        self._keep = keep
        self._bubbles: dict[str, deque[Bubble]] = {}
        self._opted_out: set[tuple[str, str]] = set()
        for number in numbers:
            self.of(number)

    def of(self, number: str) -> deque[Bubble]:
        return self._bubbles.setdefault(number, deque(maxlen=self._keep))

    def numbers(self) -> list[str]:
        return list(self._bubbles)

    def set_opted_out(self, phone: str, scope: str, opted_out: bool) -> bool:
        """Mark a phone for one sender or Messaging Service; tell whether that changed anything."""
        changed = opted_out != self.is_opted_out(phone, scope)
        (self._opted_out.add if opted_out else self._opted_out.discard)((phone, scope))
        return changed

    def is_opted_out(self, phone: str, scope: str) -> bool:
        return (phone, scope) in self._opted_out

    def scopes_opted_out(self, phone: str) -> list[str]:
        return sorted(scope for number, scope in self._opted_out if number == phone)

    def clear(self) -> None:
        """Empty phones that have opted out of nothing; the phones themselves stay."""
        for bubbles in self._bubbles.values():
            bubbles.clear()
        self._opted_out.clear()
