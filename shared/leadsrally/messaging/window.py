"""WhatsApp's 24 hours: what is not a template goes only so long after the person last wrote.

https://developers.facebook.com/documentation/business-messaging/whatsapp/messages/send-messages
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.types import ChannelKind

WINDOW: Final = timedelta(hours=24)
_OFFERED: Final = 5


def closes(last_inbound_at: datetime | None) -> datetime | None:
    """When free text ends, by Meta's clock. None: it never began, since the person never wrote."""
    return None if last_inbound_at is None else last_inbound_at + WINDOW


@dataclass(frozen=True, slots=True)
class _Place:
    kind: ChannelKind
    waba_id: str | None
    last_inbound_at: datetime | None


_PLACE = """
SELECT ch.kind, ch.waba_id, c.last_inbound_at
  FROM conversations AS c
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
"""


def refuse_closed(tx: Tx, organization_id: UUID, conversation_id: UUID, *, now: datetime) -> None:
    """Raise `Conflict` for free text that the gate would refuse, so that whoever writes hears of it at once.

    The sentence names templates that could be sent. Says nothing about a conversation that does not exist.
    """
    place = tx.maybe(_Place, _PLACE, {"organization_id": organization_id, "conversation_id": conversation_id})
    if place is None or place.kind != "whatsapp" or place.waba_id is None:
        return
    ends = closes(place.last_inbound_at)
    if ends is not None and now < ends:
        return
    usable = template_store.usable_names(tx, organization_id, place.waba_id, limit=_OFFERED)
    offer = (
        f"Send a template instead: {', '.join(usable)}." if usable else "There is no approved template yet."
    )
    said = "WhatsApp's 24 hours for free text are over" if ends else "This person has not written yet"
    raise Conflict(f"{said}. {offer}", code="window_closed")
