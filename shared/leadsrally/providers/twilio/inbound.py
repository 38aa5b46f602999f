"""Twilio's words into ours: an inbound text, and a report about one that we sent.

Both take the parameters that `signature.verify` returned. Names and shapes are those of
https://www.twilio.com/docs/messaging/guides/webhook-request and
https://www.twilio.com/docs/messaging/guides/outbound-message-status-in-status-callbacks.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from leadsrally.contacts.types import Person
from leadsrally.kit.errors import Invalid
from leadsrally.kit.phone import from_provider
from leadsrally.kit.text import storable
from leadsrally.messaging.types import DeliveryReport, InboundMessage, KeywordSignal, MediaReference, Status

# Twilio's status words (its OpenAPI document, `message_enum_status`) and what they mean for an outbound message.
# `receiving` and `received` belong to inbound messages and are therefore not reports about ours.
STATUS: Final[Mapping[str, Status]] = {
    "accepted": Status.ACCEPTED,
    "scheduled": Status.ACCEPTED,
    "queued": Status.ACCEPTED,
    "sending": Status.ACCEPTED,  # on its way to the carrier, which does not have it yet
    "sent": Status.SENT,
    "partially_delivered": Status.SENT,  # not all of it arrived, so it is no proof of delivery
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "undelivered": Status.UNDELIVERED,
    "failed": Status.FAILED,
    "canceled": Status.CANCELED,
}

# Sent only where Twilio's Advanced Opt-Out has handled, and answered, the message.
OPT_OUT_TYPE: Final[Mapping[str, KeywordSignal]] = {"STOP": "stop", "START": "start", "HELP": "help"}

MAX_MEDIA: Final = 10  # https://www.twilio.com/docs/messaging/guides/how-to-use-media-in-messages
MAX_MEDIA_URL: Final = 2048

# The signature joins names and values without a separator, so a replayed request could move the end of one value
# into the next name and still verify. An id held to its exact shape cannot be moved: a repeat stays a repeat.
_SID: Final = re.compile(r"(?:SM|MM)[0-9a-fA-F]{32}", re.ASCII)
_ERROR_CODE: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,4}", re.ASCII)


def parse_message(params: Sequence[tuple[str, str]]) -> InboundMessage:
    """One inbound SMS or MMS, safe to store: what Postgres cannot hold is replaced and `altered` says so.

    The body is otherwise kept exactly, untrimmed; it is empty for a message of media only. Unknown parameters are
    ignored. Raises `Invalid` when the request is no SMS: no message id, no sender or recipient, a WhatsApp address,
    neither text nor media, or one parameter given twice with different values.
    """
    fields = _single(params)
    sid = _sid(fields, "MessageSid", "SmsMessageSid")
    sender, recipient = _address(fields, "From"), _address(fields, "To")

    media = _media(fields)
    body = fields.get("Body")
    if body is None and not media and not _count(fields.get("NumMedia")):
        raise Invalid("The message carries neither text nor media.", code="twilio_body")
    text, altered = storable(body or "")
    return InboundMessage(
        provider_message_id=sid,
        sender=Person(sender),
        recipient=recipient,
        body=text,
        media=media,
        keyword=OPT_OUT_TYPE.get(fields.get("OptOutType", "").strip().upper()),
        altered=altered,
        segments=_count(fields.get("NumSegments")) or None,
    )


def parse_status(
    params: Sequence[tuple[str, str]], query: Sequence[tuple[str, str]]
) -> DeliveryReport | None:
    """One status callback, or None when Twilio uses a status word that we do not know.

    `query` is the decoded query of the callback's address, in which our own message id travels as `message`.
    Raises `Invalid` when the message id or the status is missing.
    """
    fields = _single(params)
    sid = _sid(fields, "MessageSid", "SmsSid")
    word = fields.get("MessageStatus") or fields.get("SmsStatus") or ""
    if not word:
        raise Invalid("The status callback names no status.", code="twilio_status")
    status = STATUS.get(word.strip().lower())
    if status is None:
        return None
    code = fields.get("ErrorCode", "").strip()
    return DeliveryReport(
        provider_message_id=sid,
        status=status,
        error_code=code if _ERROR_CODE.fullmatch(code) and code.strip("0") else None,
        message_id=_our_id(query),
    )


def _single(params: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Each name once. Twilio signs repeated values sorted, so which one was meant cannot be known."""
    fields: dict[str, str] = {}
    for name, value in params:
        if fields.setdefault(name, value) != value:
            raise Invalid("A parameter is given twice with different values.", code="twilio_repeated")
    return fields


def _sid(fields: Mapping[str, str], *names: str) -> str:
    given = {fields[name] for name in names if fields.get(name)}
    if len(given) != 1:
        raise Invalid("The request names no message, or more than one.", code="twilio_message_sid")
    sid = given.pop()
    if not _SID.fullmatch(sid):
        raise Invalid("The message id does not have Twilio's form.", code="twilio_message_sid")
    return sid


def _address(fields: Mapping[str, str], name: str) -> str:
    raw = fields.get(name, "")
    if raw.strip().lower().startswith("whatsapp:"):
        raise Invalid(
            "This address receives SMS. Connect WhatsApp as a channel of its own.", code="twilio_whatsapp"
        )
    address = from_provider(raw)
    if not address or storable(address)[1]:
        raise Invalid("The message names no sender or no recipient.", code="twilio_address")
    return address


def _media(fields: Mapping[str, str]) -> tuple[MediaReference, ...]:
    found: list[MediaReference] = []
    for index in range(min(_count(fields.get("NumMedia")), MAX_MEDIA)):
        url = fields.get(f"MediaUrl{index}", "")
        # Only kept here. Whoever fetches it decides whether the host is Twilio's and may get credentials.
        if url.startswith(("https://", "http://")) and len(url) <= MAX_MEDIA_URL:
            kind = fields.get(f"MediaContentType{index}", "")
            found.append(MediaReference(storable(url)[0], storable(kind)[0][:255]))
    return tuple(found)


def _count(raw: str | None) -> int:
    """A decimal string as Twilio writes it; anything else counts as none, for it is not worth losing a message."""
    text = (raw or "").strip()
    return int(text) if _COUNT.fullmatch(text) else 0


def _our_id(query: Sequence[tuple[str, str]]) -> UUID | None:
    for name, value in query:
        if name == "message":
            try:
                return UUID(value)
            except ValueError:
                return None
    return None
