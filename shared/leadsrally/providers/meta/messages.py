"""What a WhatsApp message says, type by type.

Shapes: https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from leadsrally.messaging.types import Kind, MediaReference
from leadsrally.providers.meta.reading import identifier, listing, mapping, number, plain, text

Fields = Mapping[str, object]

MAX_BODY: Final = 65_536  # characters; WhatsApp itself takes 4 096
MAX_LINE: Final = 1_000  # characters of anything that is not meant to be long
_MOST_CARDS: Final = 20
_MOST_ITEMS: Final = 100


@dataclass(frozen=True, slots=True)
class Said:
    """`body` is what can be read in words; `content` the rest, under the name of its kind."""

    kind: Kind
    body: str = ""
    content: dict[str, Any] = field(default_factory=dict[str, Any])
    media: tuple[MediaReference, ...] = ()


def said(message: Fields) -> Said:
    """Read one message of the webhook. A type that is not known here comes out as `unsupported`, with its name."""
    kind = text(message.get("type"), 64)
    read = _READERS.get(kind)
    told = read(message) if read is not None else None
    return told or _unsupported(message)


def new_words(message: Fields) -> str | None:
    """What an edited message says now; of a medium its caption, which is all that can be new. None: it cannot be read."""
    kind = text(message.get("type"), 64)
    if kind in _MEDIA:
        part = mapping(message.get(kind))
        return text(part.get("caption"), MAX_BODY) if part else None
    told = said(message)
    return None if told.kind == "unsupported" else told.body


def around(message: Fields) -> dict[str, Any]:
    """What came with the message beside its own words: that it was passed on, its product, the ad it began with."""
    beside: dict[str, Any] = {}
    context = mapping(message.get("context"))
    shown = {name: True for name in ("forwarded", "frequently_forwarded") if context.get(name) is True}
    product = mapping(context.get("referred_product"))
    if shown or product:
        beside["context"] = {**shown, **({"product": _texts(product, _PRODUCT)} if product else {})}
    referral = mapping(message.get("referral"))
    if referral:
        beside["referral"] = _texts(referral, _REFERRAL)
    return beside


_PRODUCT: Final = ("catalog_id", "product_retailer_id")
# Of an ad that opens WhatsApp. Every one may be missing.
_REFERRAL: Final = (
    "source_url", "source_type", "source_id", "headline", "body", "media_type", "image_url", "video_url",
    "thumbnail_url", "ctwa_clid",
)  # fmt: skip


_MEDIA: Final = ("image", "video", "audio", "document", "sticker")


def _texts(fields: Fields, names: tuple[str, ...], limit: int = MAX_LINE) -> dict[str, str]:
    """Those of `names` that are there and hold something."""
    return {name: found for name in names if (found := text(fields.get(name), limit))}


def _text(message: Fields) -> Said | None:
    part = mapping(message.get("text"))
    return Said("text", text(part.get("body"), MAX_BODY)) if isinstance(part.get("body"), str) else None


def _medium(kind: Kind) -> Callable[[Fields], Said | None]:
    def read(message: Fields) -> Said | None:
        part = mapping(message.get(kind))
        media_id = identifier(part.get("id"))
        if not media_id:
            return None
        shown = {name: True for name in ("voice", "animated") if part.get(name) is True}
        return Said(
            kind,
            text(part.get("caption"), MAX_BODY),
            {kind: shown} if shown else {},
            (MediaReference(media_id, text(part.get("mime_type"), 255), text(part.get("filename"), 255)),),
        )

    return read


def _location(message: Fields) -> Said | None:
    part = mapping(message.get("location"))
    latitude, longitude = number(part.get("latitude")), number(part.get("longitude"))
    if latitude is None or longitude is None or not (abs(latitude) <= 90 and abs(longitude) <= 180):
        return None
    named = _texts(part, ("name", "address", "url"))
    words = ", ".join(named[name] for name in ("name", "address") if name in named)
    return Said("location", words, {"location": {"latitude": latitude, "longitude": longitude, **named}})


def _contacts(message: Fields) -> Said | None:
    cards = [_card(mapping(card)) for card in listing(message.get("contacts"))[:_MOST_CARDS]]
    if not cards:
        return None
    return Said("contacts", ", ".join(card["name"] for card in cards if card["name"]), {"contacts": cards})


def _card(card: Fields) -> dict[str, Any]:
    name = mapping(card.get("name"))
    return {
        "name": text(name.get("formatted_name"), MAX_LINE) or text(name.get("first_name"), MAX_LINE),
        "organization": text(mapping(card.get("org")).get("company"), MAX_LINE),
        "phones": [
            text(mapping(phone).get("phone"), 64) for phone in listing(card.get("phones"))[:_MOST_CARDS]
        ],
        "emails": [
            text(mapping(mail).get("email"), 320) for mail in listing(card.get("emails"))[:_MOST_CARDS]
        ],
    }


def _button(message: Fields) -> Said | None:
    """A quick reply of a template."""
    part = mapping(message.get("button"))
    return _pressed(text(part.get("text"), MAX_LINE), text(part.get("payload"), MAX_LINE))


def _pressed(words: str, payload: str) -> Said | None:
    if not words and not payload:
        return None
    return Said("button", words, {"button": {"text": words, "payload": payload}})


def _interactive(message: Fields) -> Said | None:
    part = mapping(message.get("interactive"))
    kind = text(part.get("type"), 64)
    reply = mapping(part.get(kind))
    match kind:
        case "button_reply":
            return _pressed(text(reply.get("title"), MAX_LINE), text(reply.get("id"), MAX_LINE))
        case "list_reply" if reply:
            chosen = _texts(reply, ("id", "title", "description"))
            return Said("list", chosen.get("title", ""), {"list": chosen})
        case "nfm_reply" if reply:
            return _form(reply)
        case "call_permission_reply" if reply:
            return Said("call_permission", "", {"call_permission": plain(reply, depth=2)})
        case _:
            return None


def _form(reply: Fields) -> Said:
    """A finished form. Its answers are JSON in a string, and need not be an object."""
    raw = text(reply.get("response_json"), MAX_BODY)
    try:
        answers = cast("object", json.loads(raw))
    except (ValueError, RecursionError):
        answers = raw
    form = {"name": text(reply.get("name"), MAX_LINE), "answers": plain(answers)}
    return Said("form", text(reply.get("body"), MAX_BODY), {"form": form})


def _order(message: Fields) -> Said | None:
    part = mapping(message.get("order"))
    if not part:
        return None
    items = [
        {
            "product": text(item.get("product_retailer_id"), MAX_LINE),
            "quantity": number(item.get("quantity")),
            "price": number(item.get("item_price")),
            "currency": text(item.get("currency"), 8),
        }
        for item in map(mapping, listing(part.get("product_items"))[:_MOST_ITEMS])
    ]
    order = {"catalog_id": text(part.get("catalog_id"), MAX_LINE), "items": items}
    return Said("order", text(part.get("text"), MAX_BODY), {"order": order})


def _opened(_message: Fields) -> Said:
    return Said("system", "", {"system": {"event": "chat_opened"}})


def _system(message: Fields) -> Said:
    """What Meta tells of a person and has no meaning of its own here."""
    part = mapping(message.get("system"))
    return Said("system", text(part.get("body"), MAX_LINE), {"system": {"event": text(part.get("type"), 64)}})


def _unsupported(message: Fields) -> Said:
    """Meta could not pass it on, or we do not know what it is. The inbox shows that something came."""
    named = text(mapping(message.get("unsupported")).get("type"), 64) or text(message.get("type"), 64)
    errors = [text(mapping(error).get("code"), 16) for error in listing(message.get("errors"))[:_MOST_CARDS]]
    return Said(
        "unsupported", "", {"unsupported": {"type": named, "codes": [code for code in errors if code]}}
    )


_READERS: Final[Mapping[str, Callable[[Fields], Said | None]]] = {
    "text": _text,
    "image": _medium("image"),
    "video": _medium("video"),
    "audio": _medium("audio"),
    "document": _medium("document"),
    "sticker": _medium("sticker"),
    "location": _location,
    "contacts": _contacts,
    "button": _button,
    "interactive": _interactive,
    "order": _order,
    "request_welcome": _opened,
    "system": _system,
}
