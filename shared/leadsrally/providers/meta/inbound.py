"""Meta's words into ours: every piece of a WhatsApp delivery, each for itself.

A delivery is arrays within arrays, all of which may hold several things: `entry[].changes[].value` with
`messages[]`, `statuses[]` and `user_preferences[]`.
https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference
"""

import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final
from uuid import UUID

from leadsrally.contacts.types import Identity, Person
from leadsrally.kit.errors import Invalid
from leadsrally.kit.phone import is_canonical, one_form
from leadsrally.kit.text import storable
from leadsrally.messaging.types import (
    AccountChanged,
    Amendment,
    DeliveryReport,
    Ignored,
    InboundMessage,
    Item,
    News,
    Preference,
    Renaming,
    Status,
    TemplatesChanged,
    Unreadable,
)
from leadsrally.providers.meta.messages import MAX_LINE, Fields, around, new_words, said
from leadsrally.providers.meta.reading import (
    digits,
    identifier,
    instant,
    is_list,
    is_object,
    listing,
    load,
    mapping,
    text,
)

WHATSAPP: Final = "whatsapp_business_account"
PAGE: Final = "page"

# `deleted` and words of the future say nothing about what became of a message.
STATUS: Final[Mapping[str, Status]] = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "played": Status.PLAYED,
    "failed": Status.FAILED,
}

# …/whatsapp/webhooks/reference/message_template_status_update and its siblings
_ABOUT_TEMPLATES: Final = (
    "message_template_status_update",
    "message_template_quality_update",
    "message_template_components_update",
    "template_category_update",
)
# …/whatsapp/webhooks/reference/account_update and its siblings
_ABOUT_ACCOUNTS: Final = (
    "account_update",
    "account_alerts",
    "account_review_update",
    "business_capability_update",
    "phone_number_name_update",
    "phone_number_quality_update",
)
_NOBODY: Final[Fields] = {}
_FROM: Final = ("from", "from_user_id", "from_parent_user_id")
# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-scoped-user-ids
_BSUID: Final = re.compile(r"[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}", re.ASCII)


def object_of(document: Fields) -> str:
    """Whose news a delivery is: `WHATSAPP`, `PAGE`, or a word of something else."""
    return text(document.get("object"), 64)


def items(document: Fields) -> Iterator[Item]:
    """Every piece of a WhatsApp delivery, in its order. Never raises, whatever the document holds.

    `Item.raw` makes a delivery with this one piece, so that what was kept of it can be read on the same way later.
    """
    entries = document.get("entry")
    if not is_list(entries):
        yield Item("", Unreadable("entry"), lambda: document)
    for entry in listing(entries):
        changes = mapping(entry).get("changes")
        if not is_list(changes):
            yield Item("", Unreadable("changes"), partial(_with, entry))
        for change in listing(changes):
            yield from _change(change, identifier(mapping(entry).get("id")))


def reread(piece: bytes) -> Iterator[Item]:
    """The items of what was kept of one. None for what is no document."""
    try:
        document = load(piece)
    except Invalid:
        return
    yield from items(document)


def _change(change: object, account: str) -> Iterator[Item]:
    fields = mapping(change)
    whole = partial(_alone, account, change)
    field, value = fields.get("field"), mapping(fields.get("value"))
    number = identifier(mapping(value.get("metadata")).get("phone_number_id"))
    if isinstance(field, str) and field in _ABOUT_TEMPLATES and account:
        yield Item(number, TemplatesChanged(account), whole)
        return
    if isinstance(field, str) and field in _ABOUT_ACCOUNTS and account:
        yield Item(number, AccountChanged(account), whole)
        return
    if isinstance(field, str) and field not in ("messages", "user_preferences"):
        yield Item(number, Ignored("field"), whole)
        return
    if not isinstance(field, str) or not value:
        yield Item(number, Unreadable("change"), whole)
        return
    beside = _Beside(value)
    told = [name for name in _READERS if name in value]
    for name in told:
        pieces = value[name]
        if not is_list(pieces):
            yield Item(number, Unreadable(name), whole)
        for piece in listing(pieces):
            read = _READERS[name](mapping(piece), beside) if is_object(piece) else Unreadable(name)
            alone = partial(_piece, account, field, name, piece, beside)
            yield Item(number, read, alone, _sender(mapping(piece), beside))
    if not told:
        yield Item(number, Ignored("errors" if value.get("errors") else "empty"), whole)


def _piece(account: str, field: str, name: str, piece: object, beside: "_Beside") -> Fields:
    """A delivery with this one piece, and what is beside it of its own."""
    return _alone(account, {"field": field, "value": {**beside.of(mapping(piece)), name: [piece]}})


def _alone(account: str, change: object) -> Fields:
    """A delivery with this one change."""
    return _with({"id": account, "changes": [change]})


def _with(entry: object) -> Fields:
    return {"object": WHATSAPP, "entry": [entry]}


class _Beside:
    """What a value says once for all of its pieces: our number, and the people that they are from."""

    def __init__(self, value: Fields) -> None:
        shown = text(mapping(value.get("metadata")).get("display_phone_number"), 32)
        self.our_number = "+" + "".join(character for character in shown if character.isdecimal())
        self._metadata = value.get("metadata")
        contacts = [mapping(contact) for contact in listing(value.get("contacts"))]
        self._only = contacts[0] if len(contacts) == 1 else _NOBODY
        self._by_id = {
            known: contact
            for contact in reversed(contacts)
            for known in (text(contact.get("user_id"), 256), text(contact.get("wa_id"), 256))
            if known
        }

    def of(self, piece: Fields) -> Fields:
        """What belongs to one piece: our number, and the contact that it is from. Nobody else's."""
        contact = self.contact(*(piece.get(name) for name in _FROM))
        return {"metadata": self._metadata, **({"contacts": [contact]} if contact else {})}

    def contact(self, *ids: object) -> Fields:
        """The contact with one of these ids; with none given, the only one there is."""
        given = [found for found in (text(value, 256) for value in ids) if found]
        if not given:
            return self._only
        return next((self._by_id[found] for found in given if found in self._by_id), _NOBODY)


def _message(message: Fields, beside: _Beside) -> News:
    if message.get("group_id"):
        return Ignored("group")  # said to many, and an answer to one of them would be no answer
    message_id = identifier(message.get("id"))
    if not message_id:
        return Unreadable("message_id")
    if message.get("type") == "system":
        renamed = _renaming(message, message_id)
        if renamed is not None:
            return renamed
    sender = _sender(message, beside)
    if not sender.identities:
        return Unreadable("sender")
    if message.get("type") in ("reaction", "edit", "revoke"):
        return _amendment(message, message_id, sender)
    return _inbound(message, message_id, sender, beside)


def _inbound(message: Fields, message_id: str, sender: Person, beside: _Beside) -> InboundMessage:
    told = said(message)
    raw = mapping(message.get("text")).get("body")
    return InboundMessage(
        provider_message_id=message_id,
        sender=sender,
        recipient=beside.our_number,
        body=told.body,
        media=told.media,
        altered=isinstance(raw, str) and storable(raw)[1],
        kind=told.kind,
        content={**told.content, **around(message)} or None,
        reply_to=identifier(mapping(message.get("context")).get("id")) or None,
        sent_at=instant(message.get("timestamp")),
        opens_window=told.kind != "system",
    )


def _amendment(message: Fields, message_id: str, sender: Person) -> News:
    """A reaction, an edit or a revocation. Without an emoji a reaction is taken back."""
    sent_at = instant(message.get("timestamp"))
    match message.get("type"):
        case "reaction":
            part = mapping(message.get("reaction"))
            action, target, words = "reaction", part.get("message_id"), text(part.get("emoji"), 64)
        case "edit":
            part = mapping(message.get("edit"))
            action, target = "edit", part.get("original_message_id")
            words = new_words(mapping(part.get("message")))
        case _:
            part = mapping(message.get("revoke"))
            action, target, words = "revoke", part.get("original_message_id"), ""
    if not identifier(target) or words is None:
        return Unreadable(action)
    return Amendment(message_id, identifier(target), sender, action, words, sent_at)


def _renaming(message: Fields, message_id: str) -> News | None:
    """A new number, a new business-scoped id, or new keys of the same ones. None: some other news of a person.

    https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/messages/system
    """
    system = mapping(message.get("system"))
    match text(system.get("type"), 64):
        case "user_changed_number" | "customer_changed_number" | "user_changed_user_id":
            after = _person(
                system.get("wa_id") or system.get("new_wa_id"),
                system.get("user_id"),
                system.get("parent_user_id"),
            )
            before = _person(
                message.get("from"),
                system.get("previous_user_id"),
                system.get("previous_parent_user_id"),
                *_other_than(after, message.get("from_user_id"), message.get("from_parent_user_id")),
            )
        case "customer_identity_changed" | "user_identity_changed":
            before = _person(
                message.get("from"), message.get("from_user_id"), message.get("from_parent_user_id")
            )
            after = Person(None)
        case _:
            return None
    if not before.identities:
        return Unreadable("sender")
    sent_at = instant(message.get("timestamp"))
    return Renaming(message_id, before, after, text(system.get("body"), MAX_LINE), sent_at)


def _other_than(person: Person, *given: object) -> list[object]:
    """Ids that are not this person's: whether a renaming comes from the old or the new one is not said."""
    taken = {identity.value for identity in person.identities}
    return [value for value in given if identifier(value) not in taken]


def _status(status: Fields, _beside: _Beside) -> News:
    """What became of a message of ours. It is found by its id alone: the recipient is often left out."""
    message_id = identifier(status.get("id"))
    if not message_id:
        return Unreadable("message_id")
    known = STATUS.get(text(status.get("status"), 64))
    if known is None:
        return Ignored("status")
    if text(status.get("recipient_type"), 16) == "group":
        return Ignored("group")
    errors = [text(mapping(error).get("code"), 16) for error in listing(status.get("errors"))[:1]]
    recipient = _person(
        status.get("recipient_id"), status.get("recipient_user_id"), status.get("recipient_parent_user_id")
    )
    return DeliveryReport(
        provider_message_id=message_id,
        status=known,
        error_code=next(iter(errors), "") or None,
        message_id=_our_id(status.get("biz_opaque_callback_data")),
        reported_at=instant(status.get("timestamp")),
        pricing=_pricing(mapping(status.get("pricing"))),
        recipient=recipient if recipient.identities else None,
    )


def _pricing(pricing: Fields) -> dict[str, Any] | None:
    """What Meta charges, and why. https://developers.facebook.com/documentation/business-messaging/whatsapp/pricing"""
    told: dict[str, Any] = {
        ours: found
        for ours, theirs in (("model", "pricing_model"), ("type", "type"), ("category", "category"))
        if (found := text(pricing.get(theirs), 64))
    }
    if isinstance(pricing.get("billable"), bool):
        told["billable"] = pricing["billable"]
    return told or None


def _preference(preference: Fields, beside: _Beside) -> News:
    """https://developers.facebook.com/documentation/business-messaging/whatsapp/webhooks/reference/user_preferences"""
    if preference.get("category") != "marketing_messages":
        return Ignored("preference")
    wanted = text(preference.get("value"), 16)
    if wanted not in ("stop", "resume", "signup"):
        return Ignored("preference")
    sender = _sender({"from": preference.get("wa_id"), "from_user_id": preference.get("user_id")}, beside)
    said_at = instant(preference.get("timestamp"))
    if not sender.identities or said_at is None:
        return Unreadable("preference")
    return Preference(sender, wanted != "stop", said_at)


_READERS: Final[Mapping[str, Callable[[Fields, _Beside], News]]] = {
    "messages": _message,
    "statuses": _status,
    "user_preferences": _preference,
}


def _sender(message: Fields, beside: _Beside) -> Person:
    """Who wrote: what the message says, and what the contact beside it adds."""
    given = [message.get(name) for name in _FROM]
    contact = beside.contact(*given)
    added = [contact.get(name) for name in ("wa_id", "user_id", "parent_user_id")]
    return _person(*given, *added, name=text(mapping(contact.get("profile")).get("name"), 200))


def _person(*given: object, name: str = "") -> Person:
    """The person of these ids, each taken for what it looks like: captures hold business-scoped ids in `from`."""
    found: dict[str, str] = {}
    for value in given:
        scoped = _BSUID.fullmatch(identifier(value))
        if scoped is not None:
            found.setdefault("parent_bsuid" if scoped[1] else "bsuid", scoped[0])
        elif digits(value):
            found.setdefault("wa_id", digits(value))
    identities = tuple(
        Identity(kind, found[kind]) for kind in ("bsuid", "wa_id", "parent_bsuid") if kind in found
    )
    number = f"+{found['wa_id']}" if "wa_id" in found else ""
    return Person(one_form(number) if is_canonical(number) else None, identities, name)


def _our_id(value: object) -> UUID | None:
    try:
        return UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
