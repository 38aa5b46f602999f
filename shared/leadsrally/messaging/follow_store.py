"""What a provider tells of a person, as a line in their thread."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.messaging.types import RANK, Status

# A look that is already asked for, for a graver reason, stays asked for. Threads that a merge brought along stand
# beside the one that is written in; they follow as far as they are about a name that is gone.
_NOTE = """
WITH thread AS (
    UPDATE conversations AS c
       SET address = coalesce(%(address)s, c.address),
           attention = CASE WHEN c.merge_id IS NULL THEN coalesce(c.attention, %(event)s) ELSE c.attention END
     WHERE c.organization_id = %(organization_id)s
       AND c.contact_id = %(contact_id)s
       AND c.channel_id = %(channel_id)s
       AND (c.merge_id IS NULL OR c.address = ANY (%(retired)s))
    RETURNING c.id, c.merge_id
)
INSERT INTO messages (
    organization_id, id, conversation_id, direction, kind, body, content, status, status_rank, created_at,
    sent_at
)
SELECT %(organization_id)s, %(message_id)s, thread.id, 'inbound', 'system', %(body)s, %(content)s,
       'received', %(rank)s, %(now)s, %(said_at)s
  FROM thread
 WHERE thread.merge_id IS NULL
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
    retired: Sequence[str],
    address: str | None,
    said_at: datetime,
    now: datetime,
) -> None:
    """Write it into the contact's thread on this channel, if there is one, and ask for a look.

    `address` is what the person is called from now on, None: as before; `retired` are names that lead nowhere now.
    """
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
            "retired": list(retired),
            "address": address,
            "said_at": said_at,
            "now": now,
        },
    )
