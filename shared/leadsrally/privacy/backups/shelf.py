"""Where backups lie: two files each, the sealed dump and, once that is whole, its manifest.

A dump without a manifest was broken off. The instant of the snapshot is in the name, so that the age of a backup can
be told without opening it, and whatever becomes of the files' own dates.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Final
from uuid import UUID

from leadsrally.kit.errors import NotFound
from leadsrally.kit.storage import HOUSE, Held, Key, Storage
from leadsrally.privacy.backups.types import Backup

BACKUPS: Final = "backups"
REHEARSALS: Final = "backup_rehearsals"

_NAMED = "%Y%m%dT%H%M%SZ"
_TIME_LETTERS = len("20260417T093000Z")


def dump_key(purpose: str, at: datetime, backup_id: UUID) -> Key:
    return Key(HOUSE, purpose, f"{at.astimezone(UTC).strftime(_NAMED)}-{backup_id}.dump")


def manifest_key(purpose: str, at: datetime, backup_id: UUID) -> Key:
    return Key(HOUSE, purpose, f"{at.astimezone(UTC).strftime(_NAMED)}-{backup_id}.json")


@dataclass(frozen=True, slots=True)
class Shelved:
    """What lies on the shelf under one name. `at` is its snapshot's instant, of a foreign file when it was put there."""

    name: str
    at: datetime
    keys: tuple[Key, ...]
    whole: bool


def shelved(storage: Storage, purpose: str = BACKUPS) -> Iterator[Shelved]:
    """Everything on the shelf, oldest first, also what nobody of ours has put there."""
    for name, files in groupby(
        storage.list(HOUSE, purpose), key=lambda held: held.key.name.partition(".")[0]
    ):
        several = list(files)
        kinds = {held.key.name.partition(".")[2] for held in several}
        yield Shelved(name, _at(several), tuple(held.key for held in several), kinds == {"dump", "json"})


def _at(files: list[Held]) -> datetime:
    try:
        return datetime.strptime(files[0].key.name[:_TIME_LETTERS], _NAMED).replace(tzinfo=UTC)
    except ValueError:
        return min(held.stored_at for held in files)


def whole_ones(storage: Storage, purpose: str = BACKUPS) -> list[Backup]:
    """Every whole backup, oldest first, as its manifest tells."""
    found: list[Backup] = []
    for each in shelved(storage, purpose):
        if each.whole:
            (key,) = (key for key in each.keys if key.name.endswith(".json"))
            with storage.open(key) as chunks:
                found.append(Backup.of_manifest(b"".join(chunks)))
    return found


def chosen(storage: Storage, backup_id: UUID | None, purpose: str = BACKUPS) -> Backup:
    """The backup of this id, without one the newest. Raises `NotFound`."""
    for backup in reversed(whole_ones(storage, purpose)):
        if backup_id in (None, backup.head.id):
            return backup
    raise NotFound(
        "There is no such backup. `leadsrally backups` lists those that there are.", code="backup_not_found"
    )
