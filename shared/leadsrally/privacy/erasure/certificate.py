"""The certificate of an erasure: what went, when, and what is kept of it and why. Nothing in it says who it was."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound

BACKUPS_LAST: Final = timedelta(days=30)
"""No backup from before is older than this (P6.6); one that is restored forgets again before anybody is let in."""

_KEPT: Final = {
    "organization": (
        "Invoices and the usage on them, without names, for seven years (P6.5).",
        "The log of deliveries, which holds no content, until each day of it is 90 days old (P6.4).",
    ),
    "contact": (
        "Of an opt-out a keyed hash of the number or address, so that it stays true.",
        "Keyed hashes of the ids of messages and leads, so that a repeat brings nobody back.",
        "For 91 days a keyed hash of each number and address, so that a lead from before brings nobody back.",
    ),
    "conversation": ("Keyed hashes of the ids of its messages, so that a repeat brings none back.",),
    "message": ("A keyed hash of its id, so that a repeat does not bring it back.",),
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """`erased_at` is when the last of it went; `deleted` counts rows by table, and files. Ids lead to nothing any more."""

    id: UUID
    kind: Literal["organization", "contact", "conversation", "message"]
    organization_id: UUID
    subject_id: UUID
    requested_at: datetime
    erased_at: datetime
    deleted: dict[str, int]

    @property
    def kept(self) -> tuple[str, ...]:
        """What outlives it, in sentences."""
        return _KEPT[self.kind]

    @property
    def in_backups_until(self) -> datetime:
        return self.erased_at + BACKUPS_LAST

    def text(self) -> str:
        """The whole of it, to be read and filed."""
        backups = f"  Backups from before roll off by {_told(self.in_backups_until)} (P6.6)."
        rows = [f"  {name:<28} {count:>12,}" for name, count in sorted(self.deleted.items())]
        return "\n".join(
            (
                f"Certificate of erasure {self.id}",
                "",
                f"Erased: {self.kind} {self.subject_id} of organization {self.organization_id}",
                f"Requested: {_told(self.requested_at)}",
                f"Finished:  {_told(self.erased_at)}",
                "",
                "Deleted, by table:",
                *(rows or ["  nothing was left to delete"]),
                "",
                "Kept:",
                *(f"  {sentence}" for sentence in self.kept),
                backups,
                "  One that is restored sooner erases this again before it is opened.",
                "",
            )
        )


def _told(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class _Found:
    id: UUID
    kind: Literal["organization", "contact", "conversation", "message"]
    organization_id: UUID
    subject_id: UUID
    requested_at: datetime
    erased_at: datetime | None
    counts: dict[str, int]


_OF_SUBJECT = """
SELECT id, kind, organization_id, subject_id, requested_at, finished_at AS erased_at, counts
  FROM erasures
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""
_ANY = """
SELECT id, kind, organization_id, subject_id, requested_at, finished_at AS erased_at, counts
  FROM erasures
 WHERE id = %(id)s
 UNION ALL
SELECT id, 'organization', organization_id, organization_id, requested_at, erased_at, counts
  FROM account_deletions
 WHERE id = %(id)s
   AND reversed_at IS NULL
"""


def certificate_of(tx: Tx, organization_id: UUID, erasure_id: UUID) -> Certificate:
    """For the customer. Raises `NotFound`, and `Conflict` while something is left to erase."""
    return _finished(tx.maybe(_Found, _OF_SUBJECT, {"organization_id": organization_id, "id": erasure_id}))


def certificate_across(tx: Tx, erasure_id: UUID) -> Certificate:
    """For the operator, whoever's it is, of a whole account too: nobody of it is left to ask. Raises as `certificate_of`."""
    return _finished(tx.maybe(_Found, _ANY, {"id": erasure_id}))


def _finished(found: _Found | None) -> Certificate:
    if found is None:
        raise NotFound("There is no such erasure.", code="erasure_not_found")
    if found.erased_at is None:
        raise Conflict(
            "It is not finished yet. Ask for the certificate when it is done.", code="erasure_not_done"
        )
    return Certificate(
        found.id,
        found.kind,
        found.organization_id,
        found.subject_id,
        found.requested_at,
        found.erased_at,
        found.counts,
    )
