"""What was erased, written down outside the database, so that a restored backup can be made to forget it again.

An entry is a small JSON object in the storage, under the operator's own `HOUSE`. It is written before the first row
goes and never changed to say less. It holds ids, and of an opt-out the keyed hash that the database holds of it: a
backup from before the opt-out would otherwise write to the person again.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

from leadsrally.consent.types import ChannelKind, Purpose
from leadsrally.kit.storage import HOUSE, Key, Storage

LEDGER: Final = "erasure_ledger"
WRITTEN_AHEAD: Final = timedelta(days=2)
"""An entry is at most so much older than the last delete that it speaks of. Whoever replays begins so long before the
instant of the backup: what was under way at that instant stands in it half erased."""

_NAMED = "%Y%m%dT%H%M%S%f"
_TIME_LETTERS = len("20260417T093000000000")

Kind = Literal["organization", "contact", "conversation", "message"]


@dataclass(frozen=True, slots=True)
class Suppressed:
    """An opt-out that stays true: what `suppressions` holds of it."""

    channel_kind: ChannelKind
    purpose: Purpose
    number_hash: bytes
    source: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One erasure. `at` is aware and in UTC; `subject_id` is what was erased, of an organisation its own id.

    `merged` are the ids that a contact had before it was merged: a backup may know it as two people. `known_as` are
    keyed hashes of the addresses of a contact, by which rows are found that name nobody else.
    """

    id: UUID
    at: datetime
    kind: Kind
    organization_id: UUID
    subject_id: UUID
    merged: tuple[UUID, ...] = ()
    known_as: tuple[bytes, ...] = ()
    suppressed: tuple[Suppressed, ...] = ()


def write(storage: Storage, entry: Entry) -> None:
    """Keep the entry. Writing it again with the same `id` and `at` replaces it.

    Raises `Unavailable` when the storage is away: then nothing may be erased yet.
    """
    text = json.dumps(_as_json(entry), separators=(",", ":")).encode()
    storage.put(key_of(entry), [text], content_type="application/json")


def entries_since(storage: Storage, instant: datetime) -> Iterator[Entry]:
    """Every entry written at `instant` or after it, oldest first.

    Raises `ValueError` for an object that is no entry, rather than leave one out: what it names would come back.
    """
    for held in storage.list(HOUSE, LEDGER):
        if _written_at(held.key) >= instant:
            with storage.open(held.key) as chunks:
                yield _of_json(json.loads(b"".join(chunks)))


def forget_before(storage: Storage, instant: datetime) -> int:
    """Delete the entries written before `instant`, when no backup is left that they could be needed for."""
    past = [held.key for held in storage.list(HOUSE, LEDGER) if _written_at(held.key) < instant]
    for key in past:
        storage.delete(key)
    return len(past)


def key_of(entry: Entry) -> Key:
    """Where an entry lies. These keys sort by time."""
    return Key(HOUSE, LEDGER, f"{entry.at.astimezone(UTC).strftime(_NAMED)}-{entry.id}.json")


def _written_at(key: Key) -> datetime:
    return datetime.strptime(key.name[:_TIME_LETTERS], _NAMED).replace(tzinfo=UTC)


def _as_json(entry: Entry) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "at": entry.at.astimezone(UTC).isoformat(),
        "kind": entry.kind,
        "organization_id": str(entry.organization_id),
        "subject_id": str(entry.subject_id),
        "merged": [str(one) for one in entry.merged],
        "known_as": [one.hex() for one in entry.known_as],
        "suppressed": [
            {
                "channel_kind": one.channel_kind,
                "purpose": one.purpose,
                "number_hash": one.number_hash.hex(),
                "source": one.source,
                "since": one.since.astimezone(UTC).isoformat(),
            }
            for one in entry.suppressed
        ],
    }


def _of_json(read: dict[str, Any]) -> Entry:
    try:
        return Entry(
            id=UUID(read["id"]),
            at=datetime.fromisoformat(read["at"]),
            kind=read["kind"],
            organization_id=UUID(read["organization_id"]),
            subject_id=UUID(read["subject_id"]),
            merged=tuple(UUID(one) for one in read["merged"]),
            known_as=tuple(bytes.fromhex(one) for one in read["known_as"]),
            suppressed=tuple(
                Suppressed(
                    one["channel_kind"],
                    one["purpose"],
                    bytes.fromhex(one["number_hash"]),
                    one["source"],
                    datetime.fromisoformat(one["since"]),
                )
                for one in read["suppressed"]
            ),
        )
    except (KeyError, TypeError) as wrong:
        raise ValueError("an entry of the erasure ledger lacks something") from wrong
