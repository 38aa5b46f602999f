"""Was this really sent by Resend, and what does it say? Nothing of it is believed before `verify` has answered.

Signed as Standard Webhooks (https://www.standardwebhooks.com), through Svix: HMAC-SHA256 over `id.timestamp.body`
with the secret behind `whsec_`. The SDK has the same arithmetic, but imports 280 ms of everything else and asks the
machine for the time; ours is handed in. Events: https://resend.com/docs/webhooks/event-types
"""

import base64
import binascii
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, cast
from uuid import UUID

from leadsrally.kit.errors import Forbidden, Invalid, Misconfigured
from leadsrally.notices.types import Blocking, Event, MailReport

TOLERANCE: Final = timedelta(minutes=5)
ORGANIZATION_TAG: Final = "organization"
NOTICE_TAG: Final = "notice"

_PREFIX: Final = "whsec_"
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_ID = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_UPPER_INSIDE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NO_WORD = re.compile(r"[^a-z]+")

_EVENTS: Final[dict[str, Event]] = {
    "email.sent": "sent",
    "email.delivery_delayed": "delayed",
    "email.delivered": "delivered",
    "email.failed": "failed",
    "email.suppressed": "suppressed",
    "email.bounced": "bounced",
    "email.complained": "complained",
}


def secrets_of(setting: str) -> tuple[bytes, ...]:
    """The keys behind `whsec_…`, comma between, any of which may sign: two while one takes the other's place.

    Raises `Misconfigured` for one that is no such secret.
    """
    keys: list[bytes] = []
    for secret in setting.split(","):
        try:
            key = base64.b64decode(secret.strip().removeprefix(_PREFIX), validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not secret.strip().startswith(_PREFIX) or len(key) < 16:
            raise Misconfigured("RESEND_WEBHOOK_SECRETS must hold secrets as Resend shows them: whsec_….")
        keys.append(key)
    return tuple(keys)


def verify(body: bytes, headers: Mapping[str, str], keys: Sequence[bytes], *, now: datetime) -> str:
    """The id of a genuine call, the same when it is made again. `headers` have lower-case names.

    Raises `Forbidden` when it is not proven to come from Resend, or is more than five minutes from `now`.
    """
    event_id, timestamp, signatures = (
        headers.get(f"svix-{name}") or "" for name in ("id", "timestamp", "signature")
    )
    if not (event_id and timestamp and signatures):
        raise Forbidden("The request carries no signature of Resend.", code="signature_missing")
    if not (_ID.fullmatch(event_id) and _SECONDS.fullmatch(timestamp)):
        raise Forbidden("The request cannot be verified.", code="signature_unreadable")
    if abs(int(now.timestamp()) - int(timestamp)) > TOLERANCE.total_seconds():
        raise Forbidden("The request is too old, or too new.", code="signature_time")
    signed = f"{event_id}.{timestamp}.".encode() + body
    expected = [base64.b64encode(hmac.digest(key, signed, "sha256")) for key in keys]
    entries = signatures.encode("utf-8", "replace").split(b" ")
    given = [entry.removeprefix(b"v1,") for entry in entries if entry.startswith(b"v1,")]
    # Every pair is compared, so that the time it takes tells nothing about which one was close.
    matches = [hmac.compare_digest(ours, theirs) for ours in expected for theirs in given]
    if not any(matches):
        raise Forbidden("The signature does not match. Check the webhook's secret.", code="signature")
    return event_id


def parse(event_id: str, body: bytes) -> MailReport | None:
    """What a verified call says of one of our mails; None for what is of no interest: other events, others' mail.

    Raises `Invalid` for a body that is no JSON object with a type.
    """
    try:
        read = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        read = None
    kind = cast("dict[str, object]", read).get("type") if isinstance(read, dict) else None
    if not isinstance(kind, str):
        raise Invalid("The body is not an event of Resend.", code="event_unreadable")
    told = cast("dict[str, object]", read)
    event = _EVENTS.get(kind)
    data = _object(told.get("data"))
    tags = _object(data.get("tags"))  # a dict here, though a list of name and value when sent
    organization_id, notice_id = _uuid(tags.get(ORGANIZATION_TAG)), _uuid(tags.get(NOTICE_TAG))
    occurred_at = _instant(told.get("created_at"))
    if event is None or organization_id is None or notice_id is None or occurred_at is None:
        return None
    provider_id = data.get("email_id")
    return MailReport(
        id=event_id,
        event=event,
        organization_id=organization_id,
        notice_id=notice_id,
        provider_id=provider_id if isinstance(provider_id, str) and _ID.fullmatch(provider_id) else None,
        occurred_at=occurred_at,
        reason=_reason(event, data),
        blocks=_blocks(event, data),
    )


def _blocks(event: Event, data: Mapping[str, object]) -> Blocking | None:
    """A mailbox that is full today is mailed again tomorrow; one that does not exist is not."""
    match event:
        case "complained" | "suppressed":
            return event
        case "bounced" if _object(data.get("bounce")).get("type") == "Permanent":
            return "bounced"
        case _:
            return None


def _reason(event: Event, data: Mapping[str, object]) -> str | None:
    """Theirs in a word or two. Their sentences quote addresses and what the other server said."""
    match event:
        case "bounced":
            bounce = _object(data.get("bounce"))
            words = [_word(bounce.get("type")), _word(bounce.get("subType"))]
            return "_".join(word for word in words if word) or None
        case "failed":
            return _word(_object(data.get("failed")).get("reason"))
        case "suppressed":
            return _word(_object(data.get("suppressed")).get("type"))
        case _:
            return None


def _word(told: object) -> str | None:
    """`MailboxFull` as `mailbox_full`; None for what is no short name."""
    if not isinstance(told, str) or len(told) > 32:
        return None
    return _NO_WORD.sub("_", _UPPER_INSIDE.sub("_", told).lower()).strip("_")[:31] or None


def _object(told: object) -> Mapping[str, object]:
    return cast("dict[str, object]", told) if isinstance(told, dict) else {}


def _uuid(told: object) -> UUID | None:
    try:
        return UUID(told) if isinstance(told, str) else None
    except ValueError:
        return None


def _instant(told: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(told) if isinstance(told, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo is not None else None
