"""A file of ours before it is sent: announced, put into the storage by whoever has it, and looked at.

The bytes never pass through a function: they go straight to the storage, by a link for this one file. What came is
looked at before it can be attached to a message, and goes again when nobody attaches it within a day.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import PurePosixPath
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Conflict, Invalid, NotFound, TooLarge
from leadsrally.kit.ids import new_id
from leadsrally.kit.sniff import HEAD_BYTES, kind_of
from leadsrally.kit.storage import LONGEST_LINK, Links, Storage, UploadLink
from leadsrally.messaging.media import limits, unsent_store
from leadsrally.messaging.media.fetch import MediaDesk
from leadsrally.messaging.media.limits import Sized
from leadsrally.messaging.media.store import Settled, key_of
from leadsrally.messaging.media.unsent_store import Unsent

UNSENT_FOR: Final = timedelta(days=1)
_ATTEMPTS: Final = 16


@dataclass(frozen=True, slots=True)
class Announced:
    """A file that is waited for."""

    id: UUID
    link: UploadLink


def announce_upload(
    tx: Tx,
    links: Links,
    organization_id: UUID,
    *,
    file_name: str,
    content_type: str,
    size: int,
    now: datetime,
) -> Announced:
    """Wait for a file of `size` bytes; its link takes it once. After a day it is dropped unless it was sent.

    Raises `TooLarge` for one that no channel takes, and `Invalid` when no channel takes what it says it is.
    """
    told = content_type.partition(";")[0].strip().lower()
    if size > limits.LARGEST:
        raise TooLarge(
            f"A file has at most {limits.LARGEST} bytes. Send a smaller one.", code="file_too_large"
        )
    refusals = [limits.refusal(channel, Sized(told, size)) for channel in ("sms", "whatsapp")]
    if None not in refusals:
        raise Invalid(refusals[1] or "", code="file_refused")
    media_id = new_id(now)
    unsent_store.announce(
        tx,
        organization_id,
        media_id,
        file_name=PurePosixPath(file_name.replace("\\", "/")).name,
        content_type=told,
        size=size,
        now=now,
    )
    _drop_later(tx, organization_id, media_id, UNSENT_FOR, now=now)
    return Announced(
        media_id, links.upload_link(key_of(organization_id, media_id), content_type=told, size=size)
    )


def look_at_upload(
    db: Database, storage: Storage, clock: Clock, organization_id: UUID, media_id: UUID
) -> Unsent:
    """Look at a file that was put into the storage: is it what it says, all of it, and on the list of types?

    One that is not is refused for good and taken out of the storage. May be asked again. Raises `NotFound` for an
    upload that is not there, and `Conflict` while its file is not.
    """
    with db.tenant(organization_id) as tx:
        upload = found(tx, organization_id, media_id)
    if upload.state != "awaited":
        return upload
    try:
        settled = _looked_at(storage, organization_id, upload)
    except NotFound:
        raise Conflict(
            "The file has not arrived yet. Put it to the upload's address first.", code="upload_awaited"
        ) from None
    with db.tenant(organization_id) as tx:
        done = unsent_store.settle(tx, organization_id, media_id, settled, now=clock())
        if done and settled.state == "refused":
            _discard(tx, organization_id, media_id, now=clock())
        return found(tx, organization_id, media_id)


def found(tx: Tx, organization_id: UUID, media_id: UUID) -> Unsent:
    """An upload that belongs to no message yet. Raises `NotFound`."""
    upload = unsent_store.one(tx, organization_id, media_id)
    if upload is None or upload.reason == "unused":
        raise NotFound("There is no such upload; it may have been sent.", code="upload_not_found")
    return upload


def withdraw_upload(tx: Tx, organization_id: UUID, media_id: UUID, *, now: datetime) -> None:
    """Take an upload back. Raises `NotFound` for one that is not there or was sent.

    Its file goes when its link has ended, with which it could be put there again.
    """
    found(tx, organization_id, media_id)
    unsent_store.withdraw(tx, organization_id, media_id, now=now)
    _drop_later(tx, organization_id, media_id, LONGEST_LINK, now=now)


def drop_unsent(desk: MediaDesk, job: Job) -> Result:
    """Take away an upload that nobody sent: its file, then its row. Raises `Unavailable` and is tried again.

    It is withdrawn first, so that nobody attaches it while its file goes.
    """
    organization_id, media_id = job.organization_id, UUID(job.payload["media_id"])
    with desk.db.tenant(organization_id) as tx:
        if not unsent_store.withdraw(tx, organization_id, media_id, now=desk.clock()):
            return Done()
    desk.storage.delete(key_of(organization_id, media_id))
    with desk.db.tenant(organization_id) as tx:
        unsent_store.forget(tx, organization_id, media_id)
    return Done()


def _drop_later(tx: Tx, organization_id: UUID, media_id: UUID, delay: timedelta, *, now: datetime) -> None:
    payload = {"media_id": str(media_id)}
    enqueue(tx, organization_id, "fetch_media", "drop", payload, now=now, delay=delay, max_attempts=_ATTEMPTS)


def _discard(tx: Tx, organization_id: UUID, media_id: UUID, *, now: datetime) -> None:
    payload = {"media_id": str(media_id)}
    enqueue(tx, organization_id, "fetch_media", "discard", payload, now=now, max_attempts=_ATTEMPTS)


def _looked_at(storage: Storage, organization_id: UUID, upload: Unsent) -> Settled:
    with storage.open(key_of(organization_id, upload.id)) as chunks:
        head, size, digest = _read(chunks)
    if size != upload.bytes:
        return Settled("refused", "size")
    kind = kind_of(head, upload.content_type)
    if kind is None:
        return Settled("refused", "type")
    if all(limits.refusal(channel, Sized(kind, size)) for channel in ("sms", "whatsapp")):
        return Settled("refused", "too_large" if size > limits.LARGEST_MMS else "type")
    return Settled("stored", content_type=kind, bytes=size, sha256=digest)


def _read(chunks: Iterator[bytes]) -> tuple[bytes, int, bytes]:
    head, size, digest = b"", 0, hashlib.sha256()
    for chunk in chunks:
        if len(head) < HEAD_BYTES:
            head += chunk[: HEAD_BYTES - len(head)]
        size += len(chunk)
        digest.update(chunk)
    return head, size, digest.digest()
