"""Begin an import: a row, and an address to which its file goes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.consent.types import ChannelKind
from leadsrally.contacts.imports import store
from leadsrally.contacts.imports.desk import promise_to_forget
from leadsrally.contacts.imports.types import MAX_BYTES, Kind, file_of
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import TooLarge
from leadsrally.kit.ids import new_id
from leadsrally.kit.storage import Links, UploadLink

CONTENT_TYPE: Final = "text/csv"


def begin_import(
    tx: Tx,
    organization_id: UUID,
    kind: Kind,
    *,
    file_name: str,
    size: int,
    channels: Sequence[ChannelKind],
    actor: Actor,
    now: datetime,
) -> UUID:
    """Write down that a file of `size` bytes is coming; returns the import's id.

    `channels` are those on which the numbers of a list of suppressions are to be suppressed. Raises `TooLarge`.
    """
    if size > MAX_BYTES:
        raise TooLarge(
            f"A file for an import has at most {MAX_BYTES // 1024**2} MiB. Split it.", code="file_too_large"
        )
    import_id = new_id(now)
    store.begin(
        tx,
        organization_id,
        import_id,
        kind,
        actor=(actor.kind, actor.id),
        file_name=file_name,
        size=size,
        channels=channels,
        now=now,
    )
    promise_to_forget(tx, organization_id, import_id, now=now, ended=False)
    audit.record(
        tx,
        organization_id,
        actor,
        "import.begun",
        now=now,
        target=("import", import_id),
        details={"kind": kind},
    )
    return import_id


def place_for_file(links: Links, organization_id: UUID, import_id: UUID, size: int) -> UploadLink:
    """An address that takes the file, once, and of exactly this size; the storage itself refuses all else."""
    return links.upload_link(file_of(organization_id, import_id), content_type=CONTENT_TYPE, size=size)
