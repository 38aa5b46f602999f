"""Give a part of an export to the person who asked for it, for a few minutes, and write down that it was given."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Forbidden, NotFound
from leadsrally.kit.storage import Link, Links
from leadsrally.privacy.export import store


@dataclass(frozen=True, slots=True)
class Download:
    link: Link
    file_name: str
    bytes: int


def share_part(
    tx: Tx,
    links: Links,
    organization_id: UUID,
    actor: Actor,
    *,
    person_id: UUID,
    export_id: UUID,
    number: int,
    now: datetime,
) -> Download:
    """A link to one part, good for five minutes.

    Raises `Forbidden` for anybody but who asked for the export, `Conflict` while it is being built, and `NotFound`
    for one that is not there, failed or is over.
    """
    found = store.shared(tx, organization_id, export_id, number)
    if found is None:
        raise NotFound("There is no such export.", code="export_not_found")
    if found.requested_by != person_id:
        raise Forbidden(
            "Only the person who asked for an export can download it. Ask for one of your own.",
            code="export_of_another",
        )
    if found.state in ("waiting", "building"):
        raise Conflict("The export is still being made.", code="export_under_way")
    if found.state != "ready" or found.expires_at is None or now >= found.expires_at:
        raise NotFound(
            "This export is over, and its files are deleted. Ask for a new one.", code="export_over"
        )
    if found.bytes is None:
        raise NotFound("The export has no such part.", code="export_not_found")
    name = _file_name(found, number)
    link = links.link(
        store.key_of(organization_id, export_id, number), file_name=name, content_type="application/zip"
    )
    audit.record(
        tx,
        organization_id,
        actor,
        "export.downloaded",
        now=now,
        target=("export", export_id),
        details={"part": str(number)},
    )
    return Download(link, name, found.bytes)


def _file_name(found: store.Shared, number: int) -> str:
    about = "export" if found.contact_id is None else "contact-export"
    part = f"-part-{number}-of-{found.parts}" if found.parts > 1 else ""
    return f"leadsrally-{about}-{found.requested_at:%Y-%m-%d}{part}.zip"
