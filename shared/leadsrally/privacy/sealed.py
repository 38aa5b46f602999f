"""Every column that holds a sealed secret, so that none is forgotten when a master key is replaced.

A new one is a line here, a grant and the two policies `rotation` and `rotation_writes` for leadsrally_keys; a test
compares the list with the register of personal data.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, LiteralString
from uuid import UUID

from leadsrally.accounts.second_factor import PURPOSE as SECOND_FACTOR
from leadsrally.kit.crypto import SealContext
from leadsrally.kit.db import Tx
from leadsrally.messaging.types import META_CREDENTIALS, META_TASK, TWILIO_CREDENTIALS, TWILIO_TASK

_BEFORE_ALL: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """`row` is the column of the id that the seal is bound to; with the tenant it is the table's key.

    Secrets of several purposes may share a column: `only` says which rows are meant.
    """

    table: LiteralString
    column: LiteralString
    purpose: str
    row: LiteralString = "id"
    only: LiteralString = "true"

    def __str__(self) -> str:
        return f"{self.table}.{self.column} ({self.purpose})"


SEALED: Final[tuple[SealedColumn, ...]] = (
    SealedColumn("second_factors", "secret", SECOND_FACTOR, row="user_id"),
    SealedColumn("channels", "credentials", TWILIO_CREDENTIALS, only="kind = 'sms'"),
    SealedColumn("channels", "credentials", META_CREDENTIALS, only="kind IN ('whatsapp', 'lead_ads')"),
    SealedColumn("channel_tasks", "secret", TWILIO_TASK, only="provider = 'twilio'"),
    SealedColumn("channel_tasks", "secret", META_TASK, only="provider = 'meta'"),
)


@dataclass(frozen=True, slots=True)
class SealedValue:
    """One blob and where it belongs."""

    organization_id: UUID
    row_id: UUID
    blob: bytes

    def context(self, of: SealedColumn) -> SealContext:
        return SealContext(self.organization_id, of.purpose, self.row_id)


# Names of tables and columns cannot be parameters. These are literals of this file, and the type checker holds that.
def _page(of: SealedColumn) -> LiteralString:
    return f"""
SELECT organization_id, {of.row} AS row_id, {of.column} AS blob
  FROM {of.table}
 WHERE (organization_id, {of.row}) > (%(organization_id)s, %(row_id)s)
   AND {of.column} IS NOT NULL
   AND {of.only}
 ORDER BY organization_id, {of.row}
 LIMIT %(limit)s
"""  # nosec B608


def page(tx: Tx, of: SealedColumn, *, after: SealedValue | None, limit: int) -> list[SealedValue]:
    """The next blobs of all tenants in the order of their keys."""
    organization_id, row_id = (after.organization_id, after.row_id) if after else (_BEFORE_ALL, _BEFORE_ALL)
    return tx.all(
        SealedValue, _page(of), {"organization_id": organization_id, "row_id": row_id, "limit": limit}
    )


# A blob that is no longer what was read is left alone: whoever wrote it sealed something newer.
def _swap(of: SealedColumn) -> LiteralString:
    return f"""
UPDATE {of.table} AS t
   SET {of.column} = moved.blob
  FROM unnest(%(organizations)s::uuid[], %(rows)s::uuid[], %(read)s::bytea[], %(blobs)s::bytea[])
       AS moved (organization_id, row_id, read, blob)
 WHERE t.organization_id = moved.organization_id
   AND t.{of.row} = moved.row_id
   AND t.{of.column} = moved.read
"""  # nosec B608


def swap(tx: Tx, of: SealedColumn, read: Sequence[SealedValue], blobs: Sequence[bytes]) -> int:
    """Put `blobs` in the place of what was `read`, row by row; returns how many still held it."""
    return tx.run(
        _swap(of),
        {
            "organizations": [value.organization_id for value in read],
            "rows": [value.row_id for value in read],
            "read": [value.blob for value in read],
            "blobs": list(blobs),
        },
    )
