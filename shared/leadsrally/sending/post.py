"""What is needed to send: where to store, whom to ask, how to reach a provider."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database
from leadsrally.kit.storage import Links, Storage
from leadsrally.sending.types import Addressee, Depot, EffectOf, Sender


@dataclass(frozen=True, slots=True)
class Files:
    """Where the files of messages are, and who hands out addresses of them."""

    storage: Storage
    links: Links


@dataclass(frozen=True, slots=True)
class Post:
    """`files` is asked for with the first message that has any."""

    db: Database
    clock: Clock
    hashes: KeyedHash
    sender_for: Callable[[UUID, Addressee], Sender]
    depot_for: Callable[[UUID, Addressee], Depot]
    files: Callable[[], Files]
    effect_of: EffectOf
    public_url: str
