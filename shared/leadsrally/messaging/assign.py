"""Say who answers a conversation."""

from uuid import UUID

import psycopg.errors

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Invalid

_ASSIGN = """
UPDATE conversations
   SET assignee_id = %(assignee_id)s
 WHERE organization_id = %(organization_id)s
   AND id = %(conversation_id)s
RETURNING id
"""


def assign(tx: Tx, organization_id: UUID, conversation_id: UUID, assignee_id: UUID | None) -> bool:
    """Give it to a colleague, or to nobody in particular; False where there is no such conversation.

    Raises `Invalid` for somebody who is none of this organisation's people, after which the transaction is over.
    """
    given = {
        "organization_id": organization_id,
        "conversation_id": conversation_id,
        "assignee_id": assignee_id,
    }
    try:
        return tx.value(_ASSIGN, given) is not None
    except psycopg.errors.ForeignKeyViolation:
        raise Invalid("Choose one of your organisation's people.", code="assignee_unknown") from None
