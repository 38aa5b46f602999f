"""The people at the other end: their WhatsApp, what it holds, and whom they have shut out."""

import hashlib
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

WINDOW_SECONDS = 24 * 3600


@dataclass
class Bubble:
    """One message as the phone shows it. `parts` are a template's or an interactive message's."""

    id: str
    direction: str  # from_phone or to_phone
    number_id: str
    kind: str
    body: str | None = None
    parts: dict[str, Any] | None = None
    media: dict[str, Any] | None = None
    status: str | None = None
    reaction: str | None = None
    reply_to: str | None = None
    deleted: bool = False
    edited: bool = False
    at: float = field(default_factory=time.time)

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "direction": self.direction,
            "with": self.number_id,
            "kind": self.kind,
            "body": None if self.deleted else self.body,
            "parts": None if self.deleted else self.parts,
            "media": None if self.deleted else self.media,
            "status": self.status,
            "reaction": self.reaction,
            "reply_to": self.reply_to,
            "deleted": self.deleted,
            "edited": self.edited,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat(),
        }


@dataclass
class User:
    """Somebody with WhatsApp. `wa_id` is Meta's form of the number, which need not be the one that was dialled.

    Whoever `hides_number` has taken a username: webhooks then bring the business-scoped id alone.
    """

    number: str
    wa_id: str = ""
    user_id: str = ""
    name: str = ""
    hides_number: bool = False
    bubbles: deque[Bubble] = field(default_factory=lambda: deque(maxlen=500))
    last_inbound: dict[str, float] = field(default_factory=dict)
    blocked: set[str] = field(default_factory=set)
    marketing_stopped: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.wa_id = self.wa_id or self.number.removeprefix("+")
        # The same after every start, as a person's is.
        scoped = int.from_bytes(hashlib.sha256(self.number.encode()).digest()[:8]) % 10**16
        self.user_id = self.user_id or f"US.{scoped:016d}"
        self.name = self.name or f"Person {self.number[-4:]}"

    def bubble(self, message_id: str) -> Bubble | None:
        return next((one for one in self.bubbles if one.id == message_id), None)

    def window_closes(self, number_id: str) -> float | None:
        """When free text to this person ends, or None when they never wrote."""
        last = self.last_inbound.get(number_id)
        return None if last is None else last + WINDOW_SECONDS

    def contact(self, *, status: bool = False) -> dict[str, Any]:
        """The entry of `contacts` in a webhook."""
        told: dict[str, Any] = {"profile": {"name": self.name}, "user_id": self.user_id}
        if not self.hides_number:
            told["wa_id"] = self.wa_id
        elif not status:
            told["profile"]["username"] = self.name.lower().replace(" ", ".")
        return told

    def as_json(self) -> dict[str, Any]:
        return {
            "number": self.number,
            "wa_id": self.wa_id,
            "user_id": self.user_id,
            "name": self.name,
            "hides_number": self.hides_number,
            "blocked": sorted(self.blocked),
            "marketing_stopped": sorted(self.marketing_stopped),
            "windows": {
                number: datetime.fromtimestamp(last + WINDOW_SECONDS, UTC).isoformat()
                for number, last in self.last_inbound.items()
            },
            "messages": [bubble.as_json() for bubble in self.bubbles],
        }


class Handsets:
    """People come into being when they are named at start, write, or are written to."""

    def __init__(self, people: Iterable["str | User"] = ()) -> None:
        self._users: dict[str, User] = {}
        for person in people:
            self.add(User(person) if isinstance(person, str) else person)

    def of(self, number: str) -> User:
        number = number if number.startswith("+") else f"+{number}"
        return self._users.setdefault(number, User(number))

    def add(self, user: User) -> User:
        self._users[user.number] = user
        return user

    def renumber(self, user: User, number: str) -> None:
        """The person has a new number, and with it a new business-scoped id."""
        self._users.pop(user.number, None)
        fresh = User(number)
        user.number, user.wa_id, user.user_id = number, fresh.wa_id, fresh.user_id
        self._users[number] = user

    def addressed(self, to: str | None, recipient: str | None) -> User | None:
        """Whom a send request means: a number in any spelling, or a business-scoped id."""
        if recipient is not None:
            return next((user for user in self._users.values() if user.user_id == recipient), None)
        digits = "".join(character for character in to or "" if character.isdigit())
        known = next(
            (user for user in self._users.values() if digits in (user.wa_id, user.number.removeprefix("+"))),
            None,
        )
        return known or self.of(digits)

    def all(self) -> list[User]:
        return list(self._users.values())

    def clear(self) -> None:
        """Empty phones that have shut nobody out; the people themselves stay."""
        for user in self._users.values():
            user.bubbles.clear()
            user.last_inbound.clear()
            user.blocked.clear()
            user.marketing_stopped.clear()
