"""Ask that a person, a conversation or a message be erased."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.contacts import merge_store
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.privacy.erasure import store
from leadsrally.privacy.erasure.store import Kind

QUEUE: Final = "erase"
TRIES: Final = 60  # two days of one an hour: the ledger's storage may be away for long

# The lock that a send is claimed under, so that whatever was not claimed by now is refused.
_LEAVE_IN_PEACE = """
UPDATE contacts
   SET restricted_at = coalesce(restricted_at, %(now)s), version = version + 1, updated_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""
_CONVERSATION = """
SELECT id
  FROM conversations
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   AND contact_id IS NOT NULL
"""
_MESSAGE = """
SELECT m.id
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
 WHERE m.organization_id = %(organization_id)s
   AND m.id = %(id)s
   AND c.contact_id IS NOT NULL
"""


def request_erasure(
    tx: Tx,
    organization_id: UUID,
    actor: Actor,
    kind: Kind,
    subject_id: UUID,
    *,
    requested_by: UUID,
    now: datetime,
    delay: timedelta = timedelta(0),
) -> UUID:
    """Have it erased at once and for good; returns the erasure's id. With a `delay` nobody rings: the tick finds it.

    From this transaction on nothing is sent to a person who is to be erased. The id of a record that was merged into
    another one's leads to that one: they are one person. Raises `NotFound`, and `Conflict` while it is under way.
    """
    subject_id = _found(tx, organization_id, kind, subject_id, now)
    erasure_id = new_id(now)
    if not store.insert(
        tx, organization_id, erasure_id, kind, subject_id, requested_by=requested_by, now=now
    ):
        raise Conflict("This is being erased already.", code="erasure_under_way")
    target = (kind, subject_id)
    audit.record(tx, organization_id, actor, "erasure.requested", now=now, target=target)
    payload = {"erasure_id": str(erasure_id)}
    enqueue(tx, organization_id, QUEUE, "erase", payload, now=now, delay=delay, max_attempts=TRIES)
    return erasure_id


def _found(tx: Tx, organization_id: UUID, kind: Kind, subject_id: UUID, now: datetime) -> UUID:
    given = {"organization_id": organization_id, "id": subject_id, "now": now}
    match kind:
        case "contact":
            given["id"] = merge_store.survivor_of(tx, organization_id, subject_id)
            if not tx.run(_LEAVE_IN_PEACE, given):
                raise NotFound("There is no such contact.", code="contact_not_found")
            return given["id"]
        case "conversation":
            if tx.value(_CONVERSATION, given) is None:
                raise NotFound("There is no such conversation.", code="conversation_not_found")
        case "message":
            if tx.value(_MESSAGE, given) is None:
                raise NotFound("There is no such message.", code="message_not_found")
    return subject_id
