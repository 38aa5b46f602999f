"""Connect a number of the customer's Twilio account, and have the connection tested."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels.ask_provider import ask_provider


@dataclass(frozen=True, slots=True)
class SealedChannel:
    """A channel that is to be, with its credentials already sealed for its place."""

    id: UUID
    address: str
    account_sid: str
    sealed: bytes


def place_for(tx: Tx, organization_id: UUID, address: str, *, now: datetime) -> UUID:
    """The id the channel of this number will have, which its credentials are sealed for."""
    place = channel_store.sms_place(tx, organization_id, address)
    return place.id if place else new_id(now)


def connect_twilio(
    tx: Tx, organization_id: UUID, channel: SealedChannel, name: str, *, actor: Actor, now: datetime
) -> UUID:
    """Write the channel, active at once, and promise a test; returns the test's id.

    A number that was disconnected comes back to its conversations, under a new address at our webhook. Raises
    `Conflict` when the organisation has connected it already.
    """
    connected = channel_store.connect_sms(
        tx,
        organization_id,
        channel.id,
        key=new_key(),
        address=channel.address,
        account_sid=channel.account_sid,
        credentials=channel.sealed,
        name=name,
        now=now,
    )
    if not connected:
        raise Conflict(
            "This number is connected already. Change its channel instead.", code="already_connected"
        )
    audit.record(tx, organization_id, actor, "channel.connected", now=now, target=("channel", channel.id))
    return ask_provider(tx, organization_id, "test", channel.id, actor=actor, now=now)


def new_key() -> str:
    """What the address of a channel's webhook holds: 192 random bits, so that no address can be guessed."""
    return secrets.token_urlsafe(24)
