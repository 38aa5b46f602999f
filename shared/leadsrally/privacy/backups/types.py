"""A backup, as its first line and its manifest tell of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

from leadsrally.kit.crypto import SealContext
from leadsrally.kit.errors import Invalid
from leadsrally.kit.storage import HOUSE

_FORMAT = "leadsrally.backup.1"


@dataclass(frozen=True, slots=True)
class Head:
    """What is known of a backup before it is written. Its text is bound into every chunk (kit/sealed_stream.py).

    `at` is the instant of the snapshot, by the database's clock: the backup holds everything committed before it.
    `rows` counts every table at that instant. `roles` are the database roles that its grants name.
    """

    id: UUID
    at: datetime
    migration: str  # the last one applied
    server: int  # as server_version_num
    roles: tuple[str, ...]
    rows: Mapping[str, int]
    wrapped_key: bytes

    @property
    def context(self) -> SealContext:
        """Where its data key belongs."""
        return SealContext(HOUSE, "backup", self.id)

    def line(self) -> bytes:
        """The first line of the file, without its end."""
        return json.dumps(self.as_json(), separators=(",", ":"), sort_keys=True).encode()

    def as_json(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "id": str(self.id),
            "at": self.at.astimezone(UTC).isoformat(),
            "migration": self.migration,
            "server": self.server,
            "roles": list(self.roles),
            "rows": dict(self.rows),
            "wrapped_key": self.wrapped_key.hex(),
        }

    @classmethod
    def of_json(cls, read: Any) -> Self:
        """Raises `Invalid` for what is no backup of a format that this version knows."""
        try:
            known = read["format"] == _FORMAT
            made = cls(
                id=UUID(read["id"]),
                at=datetime.fromisoformat(read["at"]),
                migration=str(read["migration"]),
                server=int(read["server"]),
                roles=tuple(str(role) for role in read["roles"]),
                rows={str(table): int(count) for table, count in read["rows"].items()},
                wrapped_key=bytes.fromhex(read["wrapped_key"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise unreadable() from None
        if not known:
            raise unreadable()
        return made


@dataclass(frozen=True, slots=True)
class Backup:
    """A whole one: the sealed file is so long and has this SHA-256. Written down once the file is there."""

    head: Head
    size: int  # bytes
    sha256: bytes

    def manifest(self) -> bytes:
        """JSON for programs and people, with a line for each thing."""
        told = {**self.head.as_json(), "bytes": self.size, "sha256": self.sha256.hex()}
        return json.dumps(told, indent=1, sort_keys=True).encode() + b"\n"

    @classmethod
    def of_manifest(cls, raw: bytes) -> Self:
        """Raises `Invalid` for what is no manifest."""
        try:
            read = json.loads(raw)
            return cls(Head.of_json(read), int(read["bytes"]), bytes.fromhex(read["sha256"]))
        except (KeyError, TypeError, ValueError):
            raise unreadable() from None


def unreadable() -> Invalid:
    return Invalid("This is no backup that this version can read.", code="backup_unreadable")
