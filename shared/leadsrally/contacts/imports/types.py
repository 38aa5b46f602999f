"""An import as values: what a customer says about a file, and what came of each of its rows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final, Literal, Self
from uuid import UUID

from leadsrally.consent.types import ChannelKind, Method, Wanted
from leadsrally.kit.storage import Key

Kind = Literal["contacts", "suppressions"]
State = Literal[
    "awaiting_file",
    "looking",
    "ready",  # looked at: it can be described, tried and run
    "checking",
    "running",
    "done",
    "cancelled",
    "failed",
    "undoing",
    "undone",
]
Rule = Literal["overwrite", "fill"]  # what a cell does to a value that is there; an empty cell does nothing
Target = Literal[
    "phone",
    "name",
    "first_name",
    "last_name",
    "email",
    "time_zone",
    "tags",
    "consent_sms",
    "consent_whatsapp",
    "field",
]

# What S3 takes in one PUT is 5 GB; what one import is meant for is some million rows.
MAX_BYTES: Final = 512 * 1024 * 1024
MAX_ROWS: Final = 2_000_000
MAX_COLUMNS: Final = 250


@dataclass(frozen=True, slots=True)
class Shape:
    """How a file is to be read."""

    encoding: str
    delimiter: str
    has_header: bool


@dataclass(frozen=True, slots=True)
class Mapped:
    """What one column of the file is. `field` is the key of a field of the customer's own."""

    column: int
    to: Target
    field: str | None = None
    rule: Rule = "fill"


@dataclass(frozen=True, slots=True)
class Attestation:
    """What the customer declares about the people in the file, in whose words, and where the proof is kept.

    Without channels nothing is claimed: the people are imported, and permission to write to them is not.
    """

    channels: Sequence[tuple[ChannelKind, Wanted]] = ()
    wording: str | None = None  # what the people were shown or told
    method: Method | None = None
    reference: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Self:
        return cls(
            [(kind, purpose) for kind, purpose in told["channels"]],
            told["wording"],
            told["method"],
            told["reference"],
        )


@dataclass(frozen=True, slots=True)
class Counts:
    """Rows of the file, each counted once in the first group; the second tells more about some of them."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0  # of a row above
    rejected: int = 0
    restricted: int = 0  # people whose data must not be processed (GDPR Art. 18): left as they are

    suppressed: int = 0  # people who opted out before: on record, and not written to
    opted_out: int = 0  # by the file itself
    permitted: int = 0  # permissions recorded by the attestation
    incomplete: int = 0  # taken without a cell that could not be read, or with a repair
    reasons: Mapping[str, int] = field(
        default_factory=dict[str, int]
    )  # problems and repairs, by closed words

    @property
    def rows(self) -> int:
        return (
            self.created + self.updated + self.unchanged + self.duplicates + self.rejected + self.restricted
        )

    def __add__(self, other: "Counts") -> "Counts":
        numbers = {
            f.name: getattr(self, f.name) + getattr(other, f.name)
            for f in fields(self)
            if f.name != "reasons"
        }
        return Counts(**numbers, reasons=dict(Counter(self.reasons) + Counter(other.reasons)))

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def file_of(organization_id: UUID, import_id: UUID) -> Key:
    """Where the customer's file is."""
    return Key(organization_id, "imports", f"{import_id}/file")


def problems_of(organization_id: UUID, import_id: UUID) -> Key:
    """Where the list of rows with problems is."""
    return Key(organization_id, "imports", f"{import_id}/problems")


def undone_of(organization_id: UUID, import_id: UUID) -> Key:
    """Where the list of what undoing did is."""
    return Key(organization_id, "imports", f"{import_id}/undone")
