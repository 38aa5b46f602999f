"""Connect a WhatsApp number or a page by way of the customer's own app at Meta."""

import secrets
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.jobs.types import Done, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import meta_store, task_store
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.channels.check import access_to, as_stored, business_of, check_now
from leadsrally.messaging.channels.check_meta import LEAD_FIELDS
from leadsrally.messaging.channels.connect_twilio import new_key
from leadsrally.messaging.channels.meta_store import Identity
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Workbench
from leadsrally.messaging.leads.catch_up import ask_for_backfill
from leadsrally.messaging.templates.sync import UNRUNG, ask_for_sync
from leadsrally.messaging.types import ProviderRefused
from leadsrally.telemetry import log


@dataclass(frozen=True, slots=True)
class SealedBusiness:
    """A channel that is to be, with its credentials already sealed for its place."""

    id: UUID
    identity: Identity
    sealed: bytes
    verify_token: str


def place_for_business(tx: Tx, organization_id: UUID, identity: Identity, *, now: datetime) -> UUID:
    """The id the channel of this number or page will have, which its credentials are sealed for."""
    place = meta_store.place(tx, organization_id, identity)
    return place.id if place else new_id(now)


def new_verify_token() -> str:
    """The word that Meta repeats when the webhook's address is entered."""
    return secrets.token_urlsafe(24)


def connect_meta(
    tx: Tx, organization_id: UUID, channel: SealedBusiness, name: str, *, actor: Actor, now: datetime
) -> UUID:
    """Write the channel, active at once, and promise what is left to do at Meta; returns that task's id.

    One that was disconnected comes back to its conversations or leads, under a new address at our webhook. Raises
    `Conflict` when the organisation has connected it already.
    """
    connected = meta_store.connect(
        tx,
        organization_id,
        channel.id,
        channel.identity,
        key=new_key(),
        credentials=channel.sealed,
        name=name,
        now=now,
    )
    if not connected:
        raise Conflict("This is connected already. Change its channel instead.", code="already_connected")
    audit.record(tx, organization_id, actor, "channel.connected", now=now, target=("channel", channel.id))
    return ask_provider(tx, organization_id, "connect", channel.id, actor=actor, now=now)


def finish_connecting(bench: Workbench, work: Work) -> Result:
    """Install the app on the account or page, so that its news is ours to get, and test. May be repeated.

    Where the app's news is sent stays as it is: that is for `configure`, or for whoever enters the address by hand.
    """
    business = business_of(bench, work)
    fields = frozenset[str]() if business.kind == "whatsapp" else LEAD_FIELDS
    with access_to(bench, business) as access:
        try:
            access.subscribe(business.node, fields)
        except ProviderRefused as refused:  # the test says what is missing
            log.info("channel.not_subscribed", channel_id=business.id, code=refused.code)
    checks = check_now(bench, business, alarm=False)
    now = bench.clock()
    with bench.db.tenant(work.organization_id) as tx:
        if task_store.finish(tx, work, result={"checks": as_stored(checks)}, now=now):
            signed_in = all(check.state != "failed" for check in checks if check.check in ("app", "token"))
            if business.kind == "whatsapp" and signed_in:
                ask_for_sync(tx, work.organization_id, business.id, now=now)
            elif signed_in:
                ask_for_backfill(tx, work.organization_id, business.id, now=now, delay=UNRUNG)
    return Done()
