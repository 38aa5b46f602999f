"""Answer a conversation oneself: from then on no model is asked about it and nothing goes out by itself.

Whatever acts by itself asks `taken_over` in the transaction in which it acts. That holds the conversation's row, and so
does taking over: of the two, the second finds what the first has left (docs/decisions/0036).
"""

from datetime import datetime
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.messaging.types import RANK, Status

_TAKE_OVER = """
UPDATE conversations
   SET ai_paused_at = %(now)s, ai_paused_by = %(user_id)s
 WHERE organization_id = %(organization_id)s
   AND id = %(conversation_id)s
   AND ai_paused_at IS NULL
RETURNING id
"""
# A statement of its own: what was queued while the one above waited for the row is seen by it.
_CALL_BACK = """
UPDATE messages AS m
   SET status = 'canceled', status_rank = %(rank)s
  FROM conversations AS c
  JOIN leads AS l ON l.organization_id = c.organization_id AND l.contact_id = c.contact_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
   AND m.organization_id = c.organization_id
   AND m.id = l.first_message_id
   AND m.conversation_id = c.id
   AND m.status = 'queued'
"""


def take_over(tx: Tx, organization_id: UUID, conversation_id: UUID, user_id: UUID, *, now: datetime) -> bool:
    """A person answers it from now on; what was to be sent by itself and still waits is taken back.

    False: somebody has taken it over already, and it stays theirs, or there is no such conversation.
    """
    place = {"organization_id": organization_id, "conversation_id": conversation_id}
    if tx.value(_TAKE_OVER, {**place, "user_id": user_id, "now": now}) is None:
        return False
    tx.run(_CALL_BACK, {**place, "rank": RANK[Status.CANCELED]})
    return True


_HAND_BACK = """
UPDATE conversations
   SET ai_paused_at = NULL, ai_paused_by = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(conversation_id)s
   AND ai_paused_at IS NOT NULL
RETURNING id
"""


def hand_back(tx: Tx, organization_id: UUID, conversation_id: UUID) -> bool:
    """A model may read along again, from the person's next message on. False: nobody had taken it over."""
    given = {"organization_id": organization_id, "conversation_id": conversation_id}
    return tx.value(_HAND_BACK, given) is not None


_TAKEN_OVER = """
SELECT ai_paused_at IS NOT NULL
  FROM conversations
 WHERE organization_id = %(organization_id)s
   AND id = %(conversation_id)s
   FOR NO KEY UPDATE
"""


def taken_over(tx: Tx, organization_id: UUID, conversation_id: UUID) -> bool:
    """Whether a person answers it, which nobody changes before the caller's transaction is over."""
    given = {"organization_id": organization_id, "conversation_id": conversation_id}
    return tx.value(_TAKEN_OVER, given) is True
