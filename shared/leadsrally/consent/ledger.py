"""The consent ledger as it is read: every yes and no with its evidence, newest first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.consent.types import ChannelKind
from leadsrally.kit.db import Tx

_EVENTS = """
SELECT e.id, e.contact_id, e.channel_kind AS channel, e.purpose, e.action, e.source, e.scope, e.word, e.method,
       w.words AS wording, e.reference, e.message_id, e.actor_id, u.email AS actor, e.occurred_at, e.recorded_at
  FROM consent_events AS e
  LEFT JOIN consent_wordings AS w ON w.organization_id = e.organization_id AND w.id = e.wording_id
  LEFT JOIN users AS u ON u.organization_id = e.organization_id AND u.id = e.actor_id
"""

# Each question has a statement, and an index, of its own.
_NEWEST = f"""
{_EVENTS}
 WHERE e.organization_id = %(organization_id)s
   AND (e.recorded_at, e.id) < (%(before)s, %(before_id)s)
 ORDER BY e.recorded_at DESC, e.id DESC
 LIMIT %(limit)s
"""
_OF_CONTACT = f"""
{_EVENTS}
 WHERE e.organization_id = %(organization_id)s
   AND e.contact_id = %(contact_id)s
   AND (%(channel)s::text IS NULL OR e.channel_kind = %(channel)s)
   AND (e.recorded_at, e.id) < (%(before)s, %(before_id)s)
 ORDER BY e.recorded_at DESC, e.id DESC
 LIMIT %(limit)s
"""


def events(
    tx: Tx, organization_id: UUID, *, before: datetime, before_id: UUID, limit: int
) -> list[dict[str, Any]]:
    """What was said to the organisation, by whomever."""
    return tx.dicts(
        _NEWEST,
        {"organization_id": organization_id, "before": before, "before_id": before_id, "limit": limit},
    )


def events_of(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel: ChannelKind | None,
    *,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[dict[str, Any]]:
    """What one person said, on one kind of channel or on all."""
    return tx.dicts(
        _OF_CONTACT,
        {
            "organization_id": organization_id,
            "contact_id": contact_id,
            "channel": channel,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


_THESE = f"""
{_EVENTS}
 WHERE e.organization_id = %(organization_id)s
   AND e.id = ANY (%(ids)s::uuid[])
 ORDER BY e.recorded_at, e.id
"""


def these(tx: Tx, organization_id: UUID, ids: Sequence[UUID]) -> list[dict[str, Any]]:
    """Events by their ids, oldest first."""
    return tx.dicts(_THESE, {"organization_id": organization_id, "ids": list(ids)})
