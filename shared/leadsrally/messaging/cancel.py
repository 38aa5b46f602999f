"""Take back a message that still waits for its turn."""

from uuid import UUID

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
