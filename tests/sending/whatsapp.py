"""WhatsApp threads, as an inbound message would have begun them."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from tests.world import MetaLine, World


def thread(
    world: World,
    line: MetaLine,
    phone: str | None = "+12025550111",
    *,
    wrote: timedelta | None = timedelta(minutes=5),
    **columns: Any,
) -> UUID:
    """A conversation with somebody who wrote so long ago, or never."""
    now, thread_id = world.clock.now, uuid4()
    contact = contact_of(world, line.organization_id, phone)
    world._insert(
        "conversations",
        {
            "organization_id": line.organization_id,
            "id": thread_id,
            "contact_id": contact,
            "channel_id": line.id,
            "last_message_at": now,
            "last_message_id": thread_id,
            "created_at": now,
            "last_inbound_at": None if wrote is None else now - wrote,
            **columns,
        },
    )
    return thread_id


def contact_of(world: World, organization_id: UUID, phone: str | None) -> UUID:
    found = world.rows(
        "SELECT id FROM contacts WHERE organization_id = %(org)s AND phone = %(phone)s",
        org=organization_id,
        phone=phone,
    )
    if found:
        return found[0]["id"]
    contact_id = uuid4()
    world._insert(
        "contacts",
        {
            "organization_id": organization_id,
            "id": contact_id,
            "phone": phone,
            "created_at": world.clock.now,
            "updated_at": world.clock.now,
        },
    )
    return contact_id


def known_as(world: World, line: MetaLine, contact_id: UUID, kind: str, value: str) -> None:
    world._insert(
        "contact_identities",
        {
            "organization_id": line.organization_id,
            "kind": kind,
            "value": value,
            "contact_id": contact_id,
            "created_at": world.clock.now,
        },
    )


def wrote_at(world: World, thread_id: UUID, at: datetime) -> None:
    world.execute("UPDATE conversations SET last_inbound_at = %(at)s WHERE id = %(id)s", at=at, id=thread_id)
