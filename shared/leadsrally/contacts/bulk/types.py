"""One thing that is done about many contacts, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from leadsrally.contacts.fields import Value
from leadsrally.kit.storage import Key

Kind = Literal["tag", "untag", "set_fields", "export", "erase"]
State = Literal["running", "done", "cancelled", "failed", "undoing", "undone"]

MAX_NAMED: Final = 10_000  # contacts that one action names one by one
MAX_RUNNING: Final = 20  # actions of one organisation at a time


@dataclass(frozen=True, slots=True)
class Counts:
    """Contacts that were chosen, each counted once, and those who were named and are not there."""

    changed: int = 0  # or written to the file, or whose erasure was begun
    unchanged: int = 0  # they were so already, or were being erased
    restricted: int = 0  # people whose data must not be processed (GDPR Art. 18): left as they are
    missing: int = 0

    @property
    def contacts(self) -> int:
        return self.changed + self.unchanged + self.restricted + self.missing

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(self)))

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Action:
    """A row as it stands. `condition` is as a customer would write it; `fields` are by slot."""

    id: UUID
    kind: Kind
    state: State
    reason: str | None
    actor_kind: Literal["person", "api_key", "system"]
    actor_id: UUID | None
    contact_ids: Sequence[UUID] | None
    condition: dict[str, Any] | None
    segment_id: UUID | None
    tag_ids: Sequence[UUID]
    fields: Mapping[str, Value | None]
    expected: int
    margin: int
    place: UUID | None
    counts: Mapping[str, int]
    undo_counts: Mapping[str, int] | None
    created_at: datetime
    progressed_at: datetime
    finished_at: datetime | None
    forgotten_at: datetime | None

    @property
    def counted(self) -> Counts:
        return Counts(**self.counts)


def file_of(organization_id: UUID, action_id: UUID) -> Key:
    """Where the file of an export is."""
    return Key(organization_id, "bulk", f"{action_id}.csv")
