"""Who is looking at a conversation now, so that two people do not answer it at once."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import psycopg.errors

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import NotFound

LASTS: Final = timedelta(seconds=15)
"""For how long somebody counts as there after they last said so."""

_HERE = """
INSERT INTO presence (organization_id, user_id, conversation_id, writing, seen_at)
VALUES (%(organization_id)s, %(user_id)s, %(conversation_id)s, %(writing)s, %(now)s)
ON CONFLICT (organization_id, user_id) DO UPDATE
   SET conversation_id = excluded.conversation_id, writing = excluded.writing, seen_at = excluded.seen_at
"""
_OTHERS = """
SELECT p.user_id, u.email, p.writing
  FROM presence AS p
  JOIN users AS u ON u.organization_id = p.organization_id AND u.id = p.user_id
 WHERE p.organization_id = %(organization_id)s
   AND p.conversation_id = %(conversation_id)s
   AND p.user_id <> %(user_id)s
   AND p.seen_at > %(since)s
 ORDER BY u.email
"""


def look_in(
    tx: Tx, organization_id: UUID, conversation_id: UUID, user_id: UUID, *, writing: bool, now: datetime
) -> list[dict[str, Any]]:
    """Note that somebody is there, and say who else is: `user_id`, `email` and whether they are `writing`.

    A person is in one place: where they looked last. Raises `NotFound`, after which the transaction is over.
    """
    given = {
        "organization_id": organization_id,
        "conversation_id": conversation_id,
        "user_id": user_id,
        "writing": writing,
        "now": now,
        "since": now - LASTS,
    }
    try:
        tx.run(_HERE, given)
    except psycopg.errors.ForeignKeyViolation:
        raise NotFound("There is no such conversation.", code="conversation_not_found") from None
    return tx.dicts(_OTHERS, given)
