"""The same notices in product (P2.4): what one was told, what became of its mail, and that it was read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.notices.types import Blocking

_NEWEST = """
SELECT id, kind, about_id, language, state, reason, created_at, taken_at, delivered_at, returned_at, read_at
  FROM notices
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
   AND (created_at, id) < (%(before)s, %(before_id)s)
   AND (NOT %(unread)s OR read_at IS NULL)
 ORDER BY created_at DESC, id DESC
 LIMIT %(limit)s
"""


def newest(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    *,
    unread: bool,
    before: datetime,
    before_id: UUID,
    limit: int,
) -> list[dict[str, Any]]:
    """One person's own, newest first, after the given place (keyset)."""
    return tx.dicts(
        _NEWEST,
        {
            "organization_id": organization_id,
            "user_id": user_id,
            "unread": unread,
            "before": before,
            "before_id": before_id,
            "limit": limit,
        },
    )


# Up to a notice that was seen, so that one which comes in the same moment stays unread.
_READ = """
UPDATE notices AS n
   SET read_at = %(now)s
  FROM notices AS last
 WHERE last.organization_id = %(organization_id)s
   AND last.user_id = %(user_id)s
   AND last.id = %(notice_id)s
   AND n.organization_id = last.organization_id
   AND n.user_id = last.user_id
   AND n.read_at IS NULL
   AND CASE WHEN %(before_too)s THEN (n.created_at, n.id) <= (last.created_at, last.id)
            ELSE n.id = last.id END
"""

_KNOWN = """
SELECT EXISTS (
    SELECT 1
      FROM notices
     WHERE organization_id = %(organization_id)s
       AND user_id = %(user_id)s
       AND id = %(notice_id)s)
"""


def mark_read(
    tx: Tx, organization_id: UUID, user_id: UUID, notice_id: UUID, *, before_too: bool, now: datetime
) -> bool:
    """Note that this one, or it and all before it, was read; False when the person has no such notice."""
    params = {
        "organization_id": organization_id,
        "user_id": user_id,
        "notice_id": notice_id,
        "before_too": before_too,
        "now": now,
    }
    return tx.run(_READ, params) > 0 or tx.value(_KNOWN, params)


@dataclass(frozen=True, slots=True)
class Standing:
    """How many are unread, and whether the person is still mailed."""

    unread: int
    blocked_at: datetime | None
    blocked_because: Blocking | None


_STANDING = """
SELECT (SELECT count(*)
          FROM notices AS n
         WHERE n.organization_id = u.organization_id
           AND n.user_id = u.id
           AND n.read_at IS NULL) AS unread,
       u.mail_blocked_at AS blocked_at,
       u.mail_blocked_because AS blocked_because
  FROM users AS u
 WHERE u.organization_id = %(organization_id)s
   AND u.id = %(user_id)s
"""


def standing(tx: Tx, organization_id: UUID, user_id: UUID) -> Standing:
    return tx.one(Standing, _STANDING, {"organization_id": organization_id, "user_id": user_id})
