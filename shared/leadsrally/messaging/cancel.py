"""Take back a message that still waits for its turn."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from leadsrally.consent.types import ChannelKind
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.messaging.types import RANK, Status

# Whoever claims the message to send it holds its row: of the two, one finds it as the other has left it.
_CANCEL = """
UPDATE messages
   SET status = 'canceled', status_rank = %(rank)s
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
   AND direction = 'outbound'
   AND status = 'queued'
RETURNING id
"""
_KNOWN = """
SELECT EXISTS (SELECT 1 FROM messages
                WHERE organization_id = %(organization_id)s AND id = %(message_id)s AND direction = 'outbound')
"""

# Taken by whoever holds the contact, as the send gate does before it takes a message.
_CANCEL_ANSWERS = """
UPDATE messages AS m
   SET status = 'canceled', status_rank = %(rank)s
  FROM conversations AS c
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE c.organization_id = %(organization_id)s
   AND c.contact_id = %(contact_id)s
   AND ch.kind = ANY (%(kinds)s)
   AND m.organization_id = c.organization_id
   AND m.conversation_id = c.id
   AND m.direction = 'outbound'
   AND m.said_at > %(now)s - interval '2 days'
   AND m.purpose = 'keyword'
   AND m.status = 'queued'
"""


def cancel_message(tx: Tx, organization_id: UUID, message_id: UUID) -> None:
    """From now on it does not go; its job finds nothing to do. Raises `NotFound`, `Conflict` once it is under way."""
    given = {
        "organization_id": organization_id,
        "message_id": message_id,
        "rank": RANK[Status.CANCELED],
    }
    if tx.value(_CANCEL, given) is not None:
        return
    if tx.value(_KNOWN, given):
        raise Conflict("It is on its way or settled already, so it cannot be taken back.", code="not_waiting")
    raise NotFound("There is no such message.", code="message_not_found")


def cancel_answers(
    tx: Tx, organization_id: UUID, contact_id: UUID, kinds: Sequence[ChannelKind], *, now: datetime
) -> None:
    """Take back what waits to answer a word of this person on these kinds of channel.

    After a STOP one text may go (47 CFR 64.1200(a)(12)), and that is its confirmation. The caller holds the contact.
    """
    given = {"organization_id": organization_id, "contact_id": contact_id, "kinds": list(kinds), "now": now}
    tx.run(_CANCEL_ANSWERS, {**given, "rank": RANK[Status.CANCELED]})
