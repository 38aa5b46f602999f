"""The list of contacts in its orders: newest, by name, by what was said last."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from leadsrally.contacts import find
from leadsrally.contacts.conditions import EVERYBODY, Condition
from leadsrally.contacts.people import SHOWN, Contact
from leadsrally.kit.cursor import not_ours, pack, place_of, unpack
from leadsrally.kit.db import Tx

Order = Literal["newest", "name", "last_activity"]


def page(
    tx: Tx,
    organization_id: UUID,
    condition: Condition | None,
    order: Order,
    *,
    cursor: str | None,
    limit: int,
    now: datetime,
) -> tuple[list[Contact], str | None]:
    """A page, and the cursor of the next one. Raises `Invalid` for a cursor of another list."""
    if condition is None and order == "name":
        return _by_name(tx, organization_id, cursor, limit)
    if condition is None and order == "last_activity":
        return _by_activity(tx, organization_id, cursor, limit)
    before = place_of_id(cursor)
    found = find.page(tx, organization_id, condition or EVERYBODY, before=before, limit=limit, now=now)
    return found.contacts, None if found.next is None else pack(str(found.next))


def place_of_id(cursor: str | None) -> UUID:
    """Before whom the page that this cursor names begins. Raises `Invalid`."""
    if not cursor:
        return find.NEWEST
    try:
        return UUID(unpack(cursor, 1)[0])
    except ValueError:
        raise not_ours() from None


_BY_NAME = (
    SHOWN
    + """, n.key
  FROM contacts_by_name(%(after)s, %(after_id)s, %(limit)s) AS n
  JOIN contacts AS c ON c.organization_id = %(organization_id)s AND c.id = n.id
 ORDER BY n.key COLLATE "C", n.id
"""
)


def _by_name(
    tx: Tx, organization_id: UUID, cursor: str | None, limit: int
) -> tuple[list[Contact], str | None]:
    after, after_id = "", UUID(int=0)
    if cursor:
        after, given = unpack(cursor, 2)
        try:
            after_id = UUID(given)
        except ValueError:
            raise not_ours() from None
    given = {"organization_id": organization_id, "after": after, "after_id": after_id, "limit": limit}
    rows = tx.dicts(_BY_NAME, given)
    keys = [row.pop("key") for row in rows]
    contacts = [Contact(**row) for row in rows]
    return contacts, pack(keys[-1], str(contacts[-1].id)) if len(rows) == limit else None


# A person with several threads has the place of the one in which something was said last.
_BY_ACTIVITY = (
    SHOWN
    + """
  FROM conversations AS newest
  JOIN contacts AS c ON c.organization_id = newest.organization_id AND c.id = newest.contact_id
 WHERE newest.organization_id = %(organization_id)s
   AND (newest.last_message_at, newest.id) < (%(before)s, %(before_id)s)
   AND NOT EXISTS (SELECT 1
                     FROM conversations AS other
                    WHERE other.organization_id = newest.organization_id
                      AND other.contact_id = newest.contact_id
                      AND (other.last_message_at, other.id) > (newest.last_message_at, newest.id))
 ORDER BY newest.last_message_at DESC, newest.id DESC
 LIMIT %(limit)s
"""  # nosec B608: two literals
)
_THREAD_OF = """
SELECT id
  FROM conversations
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
 ORDER BY last_message_at DESC, id DESC
 LIMIT 1
"""


def _by_activity(
    tx: Tx, organization_id: UUID, cursor: str | None, limit: int
) -> tuple[list[Contact], str | None]:
    place = place_of(cursor)
    given = {"organization_id": organization_id, "limit": limit}
    contacts = tx.all(Contact, _BY_ACTIVITY, {**given, "before": place.at, "before_id": place.id})
    if len(contacts) < limit:
        return contacts, None
    last = contacts[-1]
    thread = tx.value(_THREAD_OF, {"organization_id": organization_id, "contact_id": last.id})
    return contacts, str(type(place)(last.last_message_at or place.at, thread))
