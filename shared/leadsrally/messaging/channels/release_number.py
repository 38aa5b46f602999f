"""Give a number back to the provider."""

from leadsrally.accounts import audit
from leadsrally.jobs.types import Done, Result
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Workbench, connected


def release_number(bench: Workbench, work: Work) -> Result:
    """Release it there, then disconnect its channel here. May be repeated: what is gone is gone."""
    channel = connected(work)
    with bench.account_of(work) as account:
        owned = account.owned(channel.address)
        if owned is not None:
            account.release(owned.provider_id)
    now = bench.clock()
    with bench.db.tenant(work.organization_id) as tx:
        if task_store.finish(tx, work, now=now):
            channel_store.disconnect(tx, work.organization_id, channel.id, version=None, now=now)
            target = ("channel", channel.id)
            audit.record(tx, work.organization_id, work.actor, "number.released", now=now, target=target)
    return Done()
