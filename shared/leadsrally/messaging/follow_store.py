"""What a provider tells of a person, as a line in their thread."""

from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.messaging.types import RANK, Status

# A look that is already asked for, for a graver reason, stays asked for.
_NOTE = """
WITH thread AS (
    UPDATE conversations AS c
       SET address = coalesce(%(address)s, c.address),
           attention = coalesce(c.attention, %(event)s)
     WHERE c.organization_id = %(organization_id)s
       AND c.contact_id = %(contact_id)s
       AND c.channel_id = %(channel_id)s
    RETURNING c.id
)
INSERT INTO messages (
    organization_id, id, conversation_id, direction, kind, body, content, status, status_rank, created_at,
    sent_at
)
SELECT %(organization_id)s, %(message_id)s, thread.id, 'inbound', 'system', %(body)s, %(content)s,
       'received', %(rank)s, %(now)s, %(said_at)s
  FROM thread
"""


def note(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    contact_id: UUID,
    *,
    message_id: UUID,
    event: str,
    body: str,
    address: str | None,
    said_at: datetime,
    now: datetime,
) -> None:
    """Write it into the contact's thread on this channel, if there is one, and ask for a look."""
    tx.run(
        _NOTE,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "contact_id": contact_id,
            "message_id": message_id,
            "event": event,
            "body": body,
            "content": Jsonb({"system": {"event": event}}),
            "rank": RANK[Status.RECEIVED],
            "address": address,
            "said_at": said_at,
            "now": now,
        },
    )
