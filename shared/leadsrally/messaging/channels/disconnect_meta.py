"""Let go of a WhatsApp number or a page: nothing passes at once, Meta is told, then the credentials are forgotten."""

from datetime import datetime
from uuid import UUID

from leadsrally.accounts.audit import Actor
from leadsrally.jobs.types import Done, Result
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import LeadsRallyError
from leadsrally.kit.ids import new_id
from leadsrally.messaging.channels import meta_store, task_store
from leadsrally.messaging.channels.ask_provider import promise
from leadsrally.messaging.channels.check import access_to
from leadsrally.messaging.channels.meta_store import Business
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Workbench
from leadsrally.telemetry import log


def let_go(
    tx: Tx, organization_id: UUID, channel_id: UUID, version: int, *, actor: Actor, now: datetime
) -> bool:
    """Disconnect it and promise that Meta is told. False: somebody else was quicker."""
    if not meta_store.let_go(tx, organization_id, channel_id, version=version, now=now):
        return False
    task_id = new_id(now)
    task_store.insert_task(
        tx,
        organization_id,
        task_id,
        "disconnect",
        provider="meta",
        channel_id=channel_id,
        account_sid=None,
        secret=None,
        number=None,
        wanted=None,
        actor=actor,
        now=now,
    )
    promise(tx, organization_id, task_id, "disconnect", channel_id, now=now)
    return True


def unsubscribe(bench: Workbench, work: Work) -> Result:
    """Take the app off the account or page, unless another channel needs it there; then forget the credentials.

    They are forgotten whatever Meta says: what it still sends is refused, since the address is gone.
    """
    if work.channel_id is None:
        return Done()
    organization_id, channel_id = work.organization_id, work.channel_id
    with bench.db.tenant(organization_id) as tx:
        business = meta_store.business(tx, organization_id, channel_id)
        others = meta_store.of_app(tx, organization_id, business.app_id or "") if business else []
    try:
        failure = _taken_off(bench, business, others) if business else None
    finally:
        with bench.db.tenant(organization_id) as tx:
            meta_store.forget_credentials(tx, organization_id, channel_id)
    with bench.db.tenant(organization_id) as tx:
        task_store.finish(tx, work, failure=failure, now=bench.clock())
    return Done()


def _taken_off(bench: Workbench, business: Business, others: list[Business]) -> str | None:
    """None, or why the app is still there."""
    if business.state == "active" or any(other.node == business.node for other in others):
        return None  # connected again meanwhile, or needed by another number of the account
    try:
        with access_to(bench, business) as access:
            access.unsubscribe(business.node)
    except LeadsRallyError as error:
        log.info("channel.not_unsubscribed", channel_id=business.id, code=error.code)
        return error.code
    return None
