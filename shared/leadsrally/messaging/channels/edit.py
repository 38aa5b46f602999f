"""What a person may change about a channel, and letting go of it."""

from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict, Stale
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels.ask_provider import no_channel
from leadsrally.messaging.channels.disconnect_meta import let_go


def edit_channel(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    version: int,
    *,
    name: str | None,
    provider_answers_keywords: bool | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change what is given. Raises `NotFound`, and `Stale` when somebody else was quicker."""
    if channel_store.shown(tx, organization_id, channel_id) is None:
        raise no_channel()
    changed = channel_store.edit(
        tx,
        organization_id,
        channel_id,
        version=version,
        name=name,
        provider_answers_keywords=provider_answers_keywords,
    )
    if not changed:
        raise Stale
    audit.record(tx, organization_id, actor, "channel.edited", now=now, target=("channel", channel_id))


def disconnect_channel(
    tx: Tx, organization_id: UUID, channel_id: UUID, version: int, *, actor: Actor, now: datetime
) -> None:
    """Take nothing more in, send nothing more, forget the credentials. Conversations stay.

    What waits to be sent is refused when its turn comes. The number or page stays the customer's at the provider; Meta
    is told, in a task, to send its news no more. Raises `NotFound`, `Conflict` when it is disconnected already, and
    `Stale`.
    """
    channel = channel_store.shown(tx, organization_id, channel_id)
    if channel is None:
        raise no_channel()
    if channel["state"] != "active":
        raise Conflict("The channel is disconnected already.", code="channel_disconnected")
    if channel["kind"] == "sms":
        gone = channel_store.disconnect(tx, organization_id, channel_id, version=version, now=now)
    else:
        gone = let_go(tx, organization_id, channel_id, version, actor=actor, now=now)
    if not gone:
        raise Stale
    audit.record(tx, organization_id, actor, "channel.disconnected", now=now, target=("channel", channel_id))
