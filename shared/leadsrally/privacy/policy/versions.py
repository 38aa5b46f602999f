"""The versions of the policy that were published, and which of them holds when."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from leadsrally.kit.db import Tx


@dataclass(frozen=True, slots=True)
class Version:
    """A row of `policy_versions`. `effective_at` is None as long as the last notice has not gone out."""

    id: UUID
    dated: date
    fingerprint: bytes
    material: bool
    summary: str
    published_at: datetime
    announced_for: datetime
    told_at: datetime | None
    effective_at: datetime | None
    altered_at: datetime | None

    def holds(self, now: datetime) -> bool:
        return self.effective_at is not None and self.effective_at <= now


_VERSIONS: Final = """
SELECT id, dated, fingerprint, material, summary, published_at, announced_for, told_at, effective_at, altered_at
  FROM policy_versions
 ORDER BY dated
"""


def versions(tx: Tx) -> list[Version]:
    """All of them, oldest first."""
    return tx.all(Version, _VERSIONS, {})


@dataclass(frozen=True, slots=True)
class Standing:
    """What holds now, and what is announced: oldest first."""

    present: Version | None
    coming: tuple[Version, ...]


def standing(found: list[Version], now: datetime) -> Standing:
    """Pure. A version that took effect replaces every older one, announced or not."""
    present = next((version for version in reversed(found) if version.holds(now)), None)
    newer = [version for version in found if present is None or version.dated > present.dated]
    return Standing(present, tuple(newer))
