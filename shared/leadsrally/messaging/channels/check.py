"""Test a WhatsApp number or a page, and act on what was found: note it, raise the alarm, or call it off."""

from dataclasses import asdict
from uuid import UUID

from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.crypto import SealBroken
from leadsrally.kit.errors import OUR_FAULT, Unavailable
from leadsrally.messaging.channels import meta_store, task_store
from leadsrally.messaging.channels.check_meta import look
from leadsrally.messaging.channels.checklist import Check, first_failure
from leadsrally.messaging.channels.directory import meta_context
from leadsrally.messaging.channels.in_trouble import channel_in_trouble, channel_is_well
from leadsrally.messaging.channels.meta_store import Business
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Unfit, Workbench, callback_url
from leadsrally.messaging.types import BusinessAccess
from leadsrally.telemetry import log


def business_of(bench: Workbench, work: Work) -> Business:
    """The active channel that a task is about. Raises `Unfit` when it was disconnected since."""
    business = None
    if work.channel_id is not None:
        with bench.db.tenant(work.organization_id) as tx:
            business = meta_store.business(tx, work.organization_id, work.channel_id)
    if business is None or business.state != "active":
        raise Unfit("channel_disconnected")
    return business


def access_to(bench: Workbench, business: Business) -> BusinessAccess:
    """The way to it at Meta. Raises `SealBroken`, and `Unavailable` when the key service is away."""
    if business.app_id is None:
        raise Unfit("app_unknown")
    opened = bench.vault.open(business.credentials, meta_context(business.organization_id, business.id))
    return bench.businesses.access(opened, business.app_id)


def check_business(bench: Workbench, work: Work) -> Result:
    """Keep what was found with the channel and with the task. Changes nothing at the provider."""
    business = business_of(bench, work)
    checks = check_now(bench, business)
    with bench.db.tenant(work.organization_id) as tx:
        task_store.finish(tx, work, result={"checks": as_stored(checks)}, now=bench.clock())
    return Done()


def retest(bench: Workbench, job: Job) -> Result:
    """The daily test, and the one that news of the account asks for; nobody waits for it.

    A provider that is away is asked again later, a few times, then on the next round.
    """
    organization_id, channel_id = job.organization_id, UUID(job.payload["channel_id"])
    with bench.db.tenant(organization_id) as tx:
        business = meta_store.business(tx, organization_id, channel_id)
    if business is None or business.state != "active":
        return Done()
    try:
        check_now(bench, business)
    except (SealBroken, Unfit) as broken:
        with bench.db.tenant(organization_id) as tx:
            channel_in_trouble(
                tx, organization_id, channel_id, broken.code, now=bench.clock(), telling="channel_attention"
            )
        if broken.kind in OUR_FAULT:
            raise
    except Unavailable as away:
        if away.code != "meta" or job.attempts < job.max_attempts:
            raise
        log.info("channel.not_tested", channel_id=channel_id)
    return Done()


def check_now(bench: Workbench, business: Business, *, alarm: bool = True) -> list[Check]:
    """Test it and note what was found. A failed line puts the channel in trouble, a test without one out of it.

    Without `alarm` it is noted only: who is still setting a channel up need not be told what is missing.
    """
    organization_id, now = business.organization_id, bench.clock()
    with bench.db.tenant(organization_id) as tx:
        hooks = meta_store.hooks(tx, organization_id, business.app_id or "")
    callbacks = [(callback_url(bench.public_url, hook.key), hook) for hook in hooks]
    with access_to(bench, business) as access:
        checks, standing = look(access, business, callbacks, now=now)
    failure, now = first_failure(checks), bench.clock()
    with bench.db.tenant(organization_id) as tx:
        if meta_store.note(tx, business, as_stored(checks), standing, now=now):
            if standing.number is not None:
                meta_store.note_number(tx, organization_id, business.id, standing.number)
            if failure is None:
                channel_is_well(tx, organization_id, business.id)
            elif alarm:
                channel_in_trouble(
                    tx, organization_id, business.id, failure, now=now, telling="channel_attention"
                )
    log.info("channel.tested", channel_id=business.id, code=failure)
    return checks


def as_stored(checks: list[Check]) -> list[dict[str, str | None]]:
    return [asdict(check) for check in checks]
