"""Put files of ours in the queue, as one message, when the channel takes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound
from leadsrally.kit.phone import region_of
from leadsrally.messaging.compose import MAX_CHARACTERS, check_words, queue_draft
from leadsrally.messaging.media import limits, unsent_store
from leadsrally.messaging.media.limits import FileKind, Sized
from leadsrally.messaging.media.unsent_store import Unsent
from leadsrally.messaging.opt_out_words import LinkDesk, with_opt_out
from leadsrally.messaging.types import ChannelKind, Draft, Kind, Purpose


@dataclass(frozen=True, slots=True)
class _Place:
    kind: ChannelKind
    our_number: str | None
    phone: str | None


_PLACE = """
SELECT ch.kind, ch.address AS our_number, p.phone
  FROM conversations AS c
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
"""


def queue_files(
    tx: Tx,
    organization_id: UUID,
    conversation_id: UUID,
    uploads: Sequence[UUID],
    body: str,
    *,
    now: datetime,
    purpose: Purpose = "service",
    author_id: UUID | None = None,
    idempotency_key: str | None = None,
    lifetime: timedelta | None = None,
    reply_to: UUID | None = None,
    links: LinkDesk | None = None,
) -> UUID:
    """Store a message with these uploads, in this order, and the job that will send it; returns the message's id.

    `body` goes with them and may be empty; `links` as for `queue_message`. Over WhatsApp a message holds one file, by MMS up to ten. Raises
    `NotFound` for a conversation or an upload that is not there, `Invalid` for what the channel does not take, and
    `Conflict` for an upload that is not stored or was sent in another message.
    """
    if body:
        check_words(body)
    if links is not None:
        body = with_opt_out(
            tx,
            links,
            organization_id,
            conversation_id,
            body,
            offer=purpose == "marketing",
            idempotency_key=idempotency_key,
            now=now,
        )
    place = tx.maybe(_Place, _PLACE, {"organization_id": organization_id, "conversation_id": conversation_id})
    if place is None:
        raise NotFound("There is no such conversation.", code="conversation_not_found")
    kind = _fitting(place, stored(tx, organization_id, uploads), body)
    message_id = queue_draft(
        tx,
        organization_id,
        conversation_id,
        Draft(kind, body, reply_to=reply_to),
        now=now,
        purpose=purpose,
        author_id=author_id,
        idempotency_key=idempotency_key,
        lifetime=lifetime,
    )
    attach(tx, organization_id, message_id, uploads)
    return message_id


def stored(tx: Tx, organization_id: UUID, uploads: Sequence[UUID]) -> list[Unsent]:
    """These uploads, looked at and there. Raises `NotFound` and `Conflict` as `queue_files` does."""
    if not uploads:
        return []
    if len(set(uploads)) < len(uploads):
        raise Invalid("The same upload is named twice.", code="upload_twice")
    files = unsent_store.several(tx, organization_id, uploads)
    if len(files) < len(uploads) or any(file.reason in ("unused", "erased") for file in files):
        raise NotFound("There is no such upload. Upload the file again.", code="upload_not_found")
    if any(file.state != "stored" for file in files):
        raise Conflict(
            "A file has not been looked at yet, or was refused. Ask for its upload, which says why.",
            code="upload_not_stored",
        )
    return files


def header_kind(tx: Tx, organization_id: UUID, uploads: Sequence[UUID]) -> FileKind | None:
    """What kind of file is to stand above a WhatsApp message; None for none.

    Raises what `queue_files` does of an upload, and `Invalid` for a kind that stands above none.
    """
    files = stored(tx, organization_id, uploads)
    kinds: list[FileKind] = [limits.kind_on_whatsapp(sized(file)) for file in files]
    if any(kind in ("audio", "sticker") for kind in kinds):
        raise Invalid("Above a text stands a picture, a film or a document.", code="file_refused")
    return kinds[0] if kinds else None


def attach(tx: Tx, organization_id: UUID, message_id: UUID, uploads: Sequence[UUID]) -> None:
    """Make them files of this message, in this order. Raises `Conflict` for one that is a file of another.

    A message that was queued before, with the same Idempotency-Key, has them already, or they are not the same.
    """
    if not uploads:
        return
    earlier = unsent_store.of_message(tx, organization_id, message_id)
    if earlier == list(uploads):
        return
    if earlier:
        raise Conflict(
            "This Idempotency-Key was used for a message with another file. Use a new key for a new message.",
            code="idempotency_key_reused",
        )
    if unsent_store.attach(tx, organization_id, message_id, uploads) < len(uploads):
        raise Conflict("A file was sent in another message. Upload it again.", code="upload_sent")


def sized(file: Unsent) -> Sized:
    return Sized(file.content_type, file.bytes)


def _fitting(place: _Place, files: Sequence[Unsent], body: str) -> Kind:
    if place.kind == "whatsapp":
        return limits.check_whatsapp([sized(file) for file in files], body)
    if len(body) > MAX_CHARACTERS["sms"]:
        raise Invalid(
            f"With files a text takes {MAX_CHARACTERS['sms']} characters. Shorten it.", code="body_too_long"
        )
    regions = [number and region_of(number) for number in (place.our_number, place.phone)]
    limits.check_mms([sized(file) for file in files], *regions)
    return "text"
