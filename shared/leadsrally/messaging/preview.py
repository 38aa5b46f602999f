"""What a message would be, before anybody sends it: its words, its parts, its likely price, and until when it may go."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from leadsrally.contacts import fields
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import NotFound
from leadsrally.kit.phone import region_of
from leadsrally.messaging import merge, prices, segments, window
from leadsrally.messaging.prices import Price
from leadsrally.messaging.segments import Forcing, Parts
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.types import ChannelKind

_MOST_FORCING: Final = 50
GAPS: Final = ("first_name", "name", "email", "phone")
"""What a gap may ask for of anybody, beside the customer's own fields."""
_OFFERED: Final = 5


@dataclass(frozen=True, slots=True)
class Window:
    """WhatsApp's 24 hours. `closes_at` None: the person never wrote. `templates` are named once it is closed."""

    open: bool
    closes_at: datetime | None
    templates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Preview:
    """`parts` and `forcing` are of SMS, `window` of WhatsApp. Without a `price` none is known here."""

    channel: ChannelKind
    body: str  # with its gaps filled
    parts: Parts | None
    forcing: tuple[Forcing, ...]
    price: Price | None
    window: Window | None


@dataclass(frozen=True, slots=True)
class _Place:
    kind: ChannelKind
    waba_id: str | None
    last_inbound_at: datetime | None
    name: str
    email: str
    phone: str | None
    fields: dict[str, Any]


_PLACE = """
SELECT ch.kind, ch.waba_id, c.last_inbound_at, p.name, p.email, p.phone, p.fields
  FROM conversations AS c
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
"""


def preview_message(
    tx: Tx, organization_id: UUID, conversation_id: UUID, body: str, *, files: int = 0, now: datetime
) -> Preview:
    """How a message with these words and so many files would go. Nothing is stored, and nothing is promised.

    Raises `NotFound` for a conversation that is not there, and what `fill` raises of its gaps.
    """
    place = _place(tx, organization_id, conversation_id)
    filled = merge.fill(body, _known(tx, organization_id, place)) if "{{" in body or "}}" in body else body
    if place.kind == "whatsapp":
        frame = _window(tx, organization_id, place, now)
        return Preview(
            "whatsapp", filled, None, (), prices.of_whatsapp_answer() if frame.open else None, frame
        )
    region = region_of(place.phone) if place.phone else None
    if files:
        return Preview("sms", filled, None, (), prices.of_mms(region), None)
    parts = segments.measure(filled)
    forcing = tuple(found for found, _ in zip(segments.forcing(filled), range(_MOST_FORCING), strict=False))
    return Preview("sms", filled, parts, forcing, prices.of_sms(region, parts.parts), None)


def fill_gaps(tx: Tx, organization_id: UUID, conversation_id: UUID, body: str) -> str:
    """The words as they will be stored and sent: filled now, and never again. Raises what `preview_message` does."""
    if "{{" not in body and "}}" not in body:
        return body
    place = _place(tx, organization_id, conversation_id)
    return merge.fill(body, _known(tx, organization_id, place))


def _place(tx: Tx, organization_id: UUID, conversation_id: UUID) -> _Place:
    place = tx.maybe(_Place, _PLACE, {"organization_id": organization_id, "conversation_id": conversation_id})
    if place is None:
        raise NotFound("There is no such conversation.", code="conversation_not_found")
    return place


def _known(tx: Tx, organization_id: UUID, place: _Place) -> Mapping[str, str]:
    """All that a gap may ask for. A customer's own field never hides one that everybody has."""
    defined = fields.definitions(tx, organization_id)
    own = {
        key: "" if value is None else fields.cell_of(value)
        for key, value in {**dict.fromkeys(defined), **fields.shown_values(defined, place.fields)}.items()
    }
    first, *_ = place.name.split() or [""]
    return {
        **own,
        "first_name": first,
        "name": place.name,
        "email": place.email,
        "phone": place.phone or "",
    }


def _window(tx: Tx, organization_id: UUID, place: _Place, now: datetime) -> Window:
    closes_at = window.closes(place.last_inbound_at)
    if closes_at is not None and now < closes_at:
        return Window(True, closes_at)
    usable = template_store.usable_names(tx, organization_id, place.waba_id or "", limit=_OFFERED)
    return Window(False, closes_at, tuple(usable))
