"""Put a new auth token in the place of the old one, for every channel of its account."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.jobs.types import Done, Result
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.channels.directory import task_context, twilio_context
from leadsrally.messaging.channels.store import Held
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Unfit, Workbench, connected

# Twilio signs with the old token until the new one is promoted, and what it signed may still be on its way.
OVERLAP: Final = timedelta(hours=24)
_TRIES: Final = 5


def replace_credentials(bench: Workbench, work: Work) -> Result:
    """Prove the new token at the provider, then use it at once; the old one verifies for a day more (W18).

    A token that the provider refuses replaces nothing. May be repeated: a channel that has the new token keeps it.
    """
    channel_id, organization_id = connected(work).id, work.organization_id
    replacement = bench.vault.open(work.secret or b"", task_context(organization_id, work.task_id))
    with bench.provider.account(replacement, work.account_sid) as account:
        account.state()
    with bench.db.tenant(organization_id) as tx:
        channels = channel_store.of_account(tx, organization_id, work.account_sid)
    replaced = sum(_renew(bench, work, channel, replacement) for channel in channels)
    now = bench.clock()
    with bench.db.tenant(organization_id) as tx:
        if task_store.finish(tx, work, result={"channels": replaced}, now=now):
            ask_provider(tx, organization_id, "test", channel_id, actor=work.actor, now=now)
    return Done()


def _renew(bench: Workbench, work: Work, channel: Held, replacement: bytes) -> bool:
    """Whether this channel got the new token. Begins anew when somebody else wrote in between."""
    organization_id = work.organization_id
    for _ in range(_TRIES):
        context = twilio_context(organization_id, channel.id)
        now = bench.clock()
        renewed = bench.provider.renewed(
            bench.vault.open(channel.credentials, context), replacement, now + OVERLAP
        )
        if renewed is None:
            return False
        sealed = bench.vault.seal(renewed, context)
        with bench.db.tenant(organization_id) as tx:
            if channel_store.replace_credentials(
                tx, organization_id, channel.id, read_version=channel.credentials_version, credentials=sealed
            ):
                target = ("channel", channel.id)
                audit.record(
                    tx, organization_id, work.actor, "channel.credentials_replaced", now=now, target=target
                )
                return True
            again = _as_it_is(channel_store.of_account(tx, organization_id, work.account_sid), channel.id)
        if again is None:
            return False  # disconnected meanwhile
        channel = again
    raise Unfit("overtaken")


def _as_it_is(channels: list[Held], channel_id: UUID) -> Held | None:
    return next((channel for channel in channels if channel.id == channel_id), None)
