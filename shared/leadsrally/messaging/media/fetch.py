"""A file of a message, from its provider into the storage: looked at, measured, never held whole in memory."""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.run import is_last
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Forbidden, NotFound, TooLarge, Unavailable
from leadsrally.kit.sniff import HEAD_BYTES, kind_of
from leadsrally.kit.storage import Storage
from leadsrally.messaging.channels.look_after import ask_for_retest
from leadsrally.messaging.media import store as media_store
from leadsrally.messaging.media.store import Settled, Wanted, key_of
from leadsrally.messaging.types import MediaSource
from leadsrally.telemetry import log

# The largest that a provider takes from a contact: a WhatsApp document.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media/
MAX_BYTES: Final = 100 * 1024 * 1024
# By Meta: https://developers.facebook.com/documentation/business-messaging/whatsapp/media. Twilio keeps them longer.
_KEPT_FOR: Final = timedelta(days=7)
_AGAIN_AFTER: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class MediaDesk:
    """What is needed to fetch: where to look it up, whom to ask, where to put it."""

    db: Database
    clock: Clock
    storage: Storage
    source_of: Callable[[UUID, Wanted], MediaSource]


def fetch_media(desk: MediaDesk, job: Job) -> Result:
    """Fetch one pending file, once. Refuses what is not on the list of types, too large, or kept elsewhere.

    Raises `Unavailable` when the provider or the storage is away; the file stays pending and the job comes again, at
    last every hour, for as long as WhatsApp keeps a file. A channel whose credentials are refused is tested, which
    finds out why and tells its owners; until they have set it right no try is used up.
    """
    organization_id, media_id = job.organization_id, UUID(job.payload["media_id"])
    with desk.db.tenant(organization_id) as tx:
        wanted = media_store.wanted(tx, organization_id, media_id)
    if wanted is None:
        return Done()
    try:
        settled = _take(desk, job, media_id, wanted)
    except Unavailable as away:
        now, whatsapp = desk.clock(), wanted.channel_kind == "whatsapp"
        refused = away.code == "credentials_refused"
        if refused and whatsapp:
            with desk.db.tenant(organization_id) as tx:
                ask_for_retest(tx, organization_id, wanted.channel_id, now=now)
        if now - wanted.created_at < _KEPT_FOR and (refused or is_last(job, away)):
            return Later(_AGAIN_AFTER, away.code)
        if not (whatsapp and is_last(job, away)):
            raise
        settled = Settled("gone", "missing")
    with desk.db.tenant(organization_id) as tx:
        stands = media_store.settle(tx, organization_id, media_id, settled, now=desk.clock())
    if settled.state == "stored" and stands != "stored":
        # Erased while it was on its way. (When somebody else stored it meanwhile, it was the same file.)
        desk.storage.delete(key_of(organization_id, media_id))
    log.info("media.settled", media_id=media_id, state=settled.state, reason=settled.reason)
    return Done()


def _take(desk: MediaDesk, job: Job, media_id: UUID, wanted: Wanted) -> Settled:
    if not wanted.connected:
        return Settled("gone", "disconnected")
    try:
        return _stored(desk, job.organization_id, media_id, wanted)
    except Forbidden:
        return Settled("refused", "elsewhere")
    except TooLarge:
        return Settled("refused", "too_large")
    except NotFound:
        # Believed at the last try: a provider may tell of a file before all of its servers have it, and Meta says
        # the same of one that a token may not see.
        if job.attempts < job.max_attempts:
            raise Unavailable("The provider has no such file yet.", code="missing") from None
        return Settled("gone", "missing")


def _stored(desk: MediaDesk, organization_id: UUID, media_id: UUID, wanted: Wanted) -> Settled:
    with desk.source_of(organization_id, wanted).open(wanted.source) as incoming:
        if incoming.length is not None and incoming.length > MAX_BYTES:
            return Settled("refused", "too_large")
        file = _Measured(incoming.chunks)
        told = wanted.content_type.partition(";")[0].strip().lower()
        kind = kind_of(file.head, told) or kind_of(file.head, incoming.content_type)
        if kind is None:
            return Settled("refused", "type" if file.head else "empty")
        desk.storage.put(key_of(organization_id, media_id), file, content_type=kind)
    return Settled("stored", content_type=kind, bytes=file.bytes, sha256=file.sha256.digest())


class _Measured:
    """A stream whose first bytes can be looked at, and which is counted, hashed and bounded as it passes."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self.head = b""
        self.bytes = 0
        self.sha256 = hashlib.sha256()
        while len(self.head) < HEAD_BYTES and (chunk := next(chunks, None)) is not None:
            self.head += chunk

    def __iter__(self) -> Iterator[bytes]:
        """Once. Raises `TooLarge` above `MAX_BYTES`."""
        yield self._passed(self.head)
        for chunk in self._chunks:
            yield self._passed(chunk)

    def _passed(self, chunk: bytes) -> bytes:
        self.bytes += len(chunk)
        if self.bytes > MAX_BYTES:
            raise TooLarge(f"A file of a message has at most {MAX_BYTES} bytes.")
        self.sha256.update(chunk)
        return chunk
