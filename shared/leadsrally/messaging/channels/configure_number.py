"""Have the provider send a number's texts to us."""

from leadsrally.accounts import audit
from leadsrally.jobs.types import Done, Result
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Unfit, Workbench, connected


def configure_number(bench: Workbench, work: Work) -> Result:
    """Point the number at the channel's webhook, then have the channel tested. May be repeated."""
    channel = connected(work)
    with bench.account_of(work) as account:
        owned = account.owned(channel.address)
        if owned is None:
            raise Unfit("number_not_owned")
        account.point(owned.provider_id, bench.inbound_url(channel.key))
    now = bench.clock()
    with bench.db.tenant(work.organization_id) as tx:
        if task_store.finish(tx, work, now=now):
            target = ("channel", channel.id)
            audit.record(tx, work.organization_id, work.actor, "number.configured", now=now, target=target)
            ask_provider(tx, work.organization_id, "test", channel.id, actor=work.actor, now=now)
    return Done()
