"""What a provider answers when it is asked to delete its copy."""

from dataclasses import dataclass
from typing import Literal, Protocol

Provider = Literal["twilio", "meta"]
What = Literal["message", "file"]


@dataclass(frozen=True, slots=True)
class Gone:
    """Deleted, or not there any more."""


@dataclass(frozen=True, slots=True)
class NotYet:
    """Not now: the provider still works with it, or cannot be asked. `wait` in seconds, when it says how long.

    `everything`: nothing else can be asked of it now either.
    """

    reason: str
    wait: float | None = None
    everything: bool = False


Answer = Gone | NotYet


class Copies(Protocol):
    """The copies that one channel's account has. Never raises for what the provider or the network did."""

    def delete(self, what: What, provider_id: str) -> Answer: ...
