"""Who was told what about whom, newest first: transfers to subprocessors, and exports that a customer was handed.

An export is not written down once more for each person in it: the row of the export says whom it was about.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from leadsrally.disclosures.store import Subprocessor
from leadsrally.kit.cursor import Place
from leadsrally.kit.db import Tx, statement

Recipient = Subprocessor | Literal["customer"]


@dataclass(frozen=True, slots=True)
class Asked:
    """Which transfers are asked for. `since` and `until` are instants; `until` itself is not included."""

    contact_id: UUID | None = None
    recipient: Recipient | None = None
    since: datetime | None = None
    until: datetime | None = None


_COLUMNS: Final = """
SELECT id, disclosed_at, subprocessor AS recipient, purpose, data_kinds, contact_id, message_id,
       NULL::uuid AS export_id, NULL::uuid AS person_id
  FROM disclosures
 WHERE organization_id = %(organization_id)s
   AND (%(recipient)s::text IS NULL OR subprocessor = %(recipient)s)
   AND disclosed_at >= coalesce(%(since)s::timestamptz, '-infinity')
   AND disclosed_at < coalesce(%(until)s::timestamptz, 'infinity')
"""
_EXPORTS: Final = """
SELECT e.id, e.requested_at, 'customer', 'export', ARRAY['everything'], e.contact_id, NULL::uuid, e.id, e.requested_by
  FROM exports AS e
 WHERE e.organization_id = %(organization_id)s
   AND e.ready_at IS NOT NULL
   AND (%(recipient)s::text IS NULL OR %(recipient)s = 'customer')
   AND e.requested_at >= coalesce(%(since)s::timestamptz, '-infinity')
   AND e.requested_at < coalesce(%(until)s::timestamptz, 'infinity')
"""
_NEWEST_FIRST: Final = """
 ORDER BY disclosed_at DESC, id DESC
 LIMIT %(limit)s
"""

# An id is made of the instant of its row, so the primary key has all of an organisation's in their order. It alone
# orders and continues: within a millisecond it may disagree with the instant, and a row between the two would be lost.
_OF_ALL: Final = statement(
    "(",
    _COLUMNS,
    "   AND id < %(before_id)s\n ORDER BY id DESC\n LIMIT %(limit)s)\nUNION ALL\n(",
    _EXPORTS,
    "   AND e.id < %(before_id)s\n ORDER BY e.id DESC\n LIMIT %(limit)s)\n ORDER BY id DESC\n LIMIT %(limit)s\n",
)
_OF_ONE: Final = statement(
    "(",
    _COLUMNS,
    "   AND contact_id = %(contact_id)s\n   AND (disclosed_at, id) < (%(before)s, %(before_id)s)",
    _NEWEST_FIRST,
    ")\nUNION ALL\n(",
    _EXPORTS,
    """   AND (e.requested_at, e.id) < (%(before)s, %(before_id)s)
   AND (e.contact_id = %(contact_id)s
        OR e.contact_id IS NULL
           AND e.requested_at >= (SELECT created_at
                                    FROM contacts
                                   WHERE organization_id = %(organization_id)s AND id = %(contact_id)s))
 ORDER BY e.requested_at DESC, e.id DESC
 LIMIT %(limit)s)
""",
    _NEWEST_FIRST,
)


def newest(tx: Tx, organization_id: UUID, asked: Asked, *, before: Place, limit: int) -> list[dict[str, Any]]:
    """Transfers after the given place (keyset). Of a contact that is not there: none."""
    return tx.dicts(
        _OF_ALL if asked.contact_id is None else _OF_ONE,
        {
            "organization_id": organization_id,
            "contact_id": asked.contact_id,
            "recipient": asked.recipient,
            "since": asked.since,
            "until": asked.until,
            "before": before.at,
            "before_id": before.id,
            "limit": limit,
        },
    )
