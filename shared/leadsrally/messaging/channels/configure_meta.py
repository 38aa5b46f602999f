"""Have Meta send a channel's news to us."""

from leadsrally.accounts import audit
from leadsrally.jobs.types import Done, Result
from leadsrally.messaging.channels import task_store
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.channels.check import access_to, business_of
from leadsrally.messaging.channels.check_meta import LEAD_FIELDS, fields_of
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Workbench, callback_url


def configure_meta(bench: Workbench, work: Work) -> Result:
    """Point the app's news at the channel's webhook, install the app on the account or page, then have it tested.

    An app has one address for all news of a kind: what it sent elsewhere before comes to us from then on. Fields that
    somebody had chosen beside ours stay chosen. May be repeated.
    """
    business = business_of(bench, work)
    with access_to(bench, business) as access:
        before = access.subscription(business.news)
        chosen = before.fields if before else frozenset[str]()
        url = callback_url(bench.public_url, business.key)
        access.listen(business.news, url, fields_of(business) | chosen)
        access.subscribe(business.node, frozenset[str]() if business.kind == "whatsapp" else LEAD_FIELDS)
    now = bench.clock()
    with bench.db.tenant(work.organization_id) as tx:
        if task_store.finish(tx, work, now=now):
            target = ("channel", business.id)
            audit.record(tx, work.organization_id, work.actor, "channel.configured", now=now, target=target)
            ask_provider(tx, work.organization_id, "test", business.id, actor=work.actor, now=now)
    return Done()
