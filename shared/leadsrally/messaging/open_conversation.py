"""Begin to talk to a person on a channel: the thread there is, or a new one that waits for its first message."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.contacts.merge_store import survivor_of
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.messaging.types import ChannelKind


@dataclass(frozen=True, slots=True)
class _Place:
    kind: ChannelKind
    state: str
    reachable: bool
    conversation_id: UUID | None


# Without a number somebody is reached only where they have written before, by what their provider calls them.
_PLACE = """
SELECT ch.kind, ch.state, p.phone IS NOT NULL AS reachable, c.id AS conversation_id
  FROM contacts AS p
  JOIN channels AS ch ON ch.organization_id = p.organization_id AND ch.id = %(channel_id)s
  LEFT JOIN conversations AS c
         ON c.organization_id = p.organization_id AND c.contact_id = p.id AND c.channel_id = ch.id
        AND c.merge_id IS NULL
 WHERE p.organization_id = %(organization_id)s
   AND p.id = %(contact_id)s
"""
# The person may write at the same moment: then it is that thread. What is named as its last message is the one that
# whoever opens it queues in the same transaction.
_OPEN = """
INSERT INTO conversations AS c (
    organization_id, id, contact_id, channel_id, last_message_at, last_message_id, created_at
)
VALUES (%(organization_id)s, %(id)s, %(contact_id)s, %(channel_id)s, %(now)s, %(id)s, %(now)s)
ON CONFLICT (organization_id, contact_id, channel_id) WHERE merge_id IS NULL
DO UPDATE SET unread_count = c.unread_count
RETURNING id
"""


def open_conversation(
    tx: Tx, organization_id: UUID, contact_id: UUID, channel_id: UUID, *, now: datetime
) -> UUID:
    """The person's thread on this channel, made if there is none; whoever calls queues a message in it at once.

    Says nothing about permission: that is for the gate. A contact that was merged into another leads to that one.
    Raises `NotFound` for a person or a channel that is not there, `Conflict` for a channel that is disconnected, and
    `Invalid` where the channel carries no messages or the person has no number.
    """
    contact_id = survivor_of(tx, organization_id, contact_id)
    asked = {"organization_id": organization_id, "contact_id": contact_id, "channel_id": channel_id}
    place = tx.maybe(_Place, _PLACE, asked)
    if place is None:
        raise NotFound("There is no such contact or no such channel.", code="contact_or_channel_not_found")
    if place.kind == "lead_ads":
        raise Invalid(
            "A page brings leads and carries no messages. Choose an SMS or a WhatsApp number.",
            code="no_messages_here",
        )
    if place.state != "active":
        raise Conflict(
            "The channel is disconnected. Connect it, or choose another.", code="channel_disconnected"
        )
    if place.conversation_id is not None:
        return place.conversation_id
    if not place.reachable:
        raise Invalid("This contact has no number. Add one first.", code="no_number")
    return tx.value(_OPEN, {**asked, "id": new_id(now), "now": now})
