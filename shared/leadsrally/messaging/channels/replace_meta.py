"""Put a new access token, app secret or verify token in the place of the old one."""

from datetime import timedelta
from typing import Final

from leadsrally.accounts import audit
from leadsrally.jobs.types import Done, Result
from leadsrally.messaging.channels import meta_store, task_store
from leadsrally.messaging.channels import store as channel_store
from leadsrally.messaging.channels.ask_provider import ask_provider
from leadsrally.messaging.channels.check import business_of
from leadsrally.messaging.channels.check_meta import ACCESS_REFUSED
from leadsrally.messaging.channels.directory import meta_context, meta_task_context
from leadsrally.messaging.channels.meta_store import Business
from leadsrally.messaging.channels.task_store import Work
from leadsrally.messaging.channels.workbench import Unfit, Workbench
from leadsrally.messaging.types import TokenState

# Meta signs with a new app secret at once, but what it had signed before may still be on its way or come again.
OVERLAP: Final = timedelta(hours=24)
_TRIES: Final = 5


def replace_meta(bench: Workbench, work: Work) -> Result:
    """Prove at Meta what was entered, then use it at once; an old app secret verifies for a day more (W18).

    An app secret is replaced for every channel of the app, an access token for those that had the same one, a verify
    token for this channel alone. What Meta refuses replaces nothing. May be repeated.
    """
    business = business_of(bench, work)
    if business.app_id is None:
        raise Unfit("app_unknown")
    organization_id = work.organization_id
    replacement = bench.vault.open(work.secret or b"", meta_task_context(organization_id, work.task_id))
    named = bench.vault.open(business.credentials, meta_context(organization_id, business.id))
    _prove(bench, business, business.app_id, named, replacement)
    with bench.db.tenant(organization_id) as tx:
        channels = meta_store.of_app(tx, organization_id, business.app_id)
    replaced = sum(
        _renew(bench, work, channel, None if channel.id == business.id else named, replacement)
        for channel in channels
    )
    now = bench.clock()
    with bench.db.tenant(organization_id) as tx:
        if task_store.finish(tx, work, result={"channels": replaced}, now=now):
            ask_provider(tx, organization_id, "test", business.id, actor=work.actor, now=now)
    return Done()


def _prove(bench: Workbench, business: Business, app_id: str, named: bytes, replacement: bytes) -> None:
    """Raises `ProviderRefused` or `Unfit` for what does not work together."""
    renewed = bench.businesses.renewed(named, replacement, bench.clock(), named)
    if renewed is None:
        return
    with bench.businesses.access(renewed, app_id) as access:
        access.app()
        state = access.token()
        _fits(business, app_id, state)
        if business.kind == "whatsapp":
            access.number(business.phone_number_id or "")
        else:
            access.page(business.node)


def _fits(business: Business, app_id: str, state: TokenState) -> None:
    if not state.valid:
        raise Unfit(ACCESS_REFUSED)
    if state.app_id != app_id:
        raise Unfit("token_of_other_app")
    if state.page_id is not None and state.page_id != business.page_id:
        raise Unfit("token_of_other_page")


def _renew(bench: Workbench, work: Work, channel: Business, named: bytes | None, replacement: bytes) -> bool:
    """Whether something of this channel was replaced. Begins anew when somebody else wrote in between.

    `named` is the document of the channel it was entered for; None: this is the one.
    """
    organization_id = work.organization_id
    for _ in range(_TRIES):
        context, now = meta_context(organization_id, channel.id), bench.clock()
        held = bench.vault.open(channel.credentials, context)
        renewed = bench.businesses.renewed(held, replacement, now + OVERLAP, named or held)
        if renewed is None:
            return False
        sealed = bench.vault.seal(renewed, context)
        with bench.db.tenant(organization_id) as tx:
            if channel_store.replace_credentials(
                tx, organization_id, channel.id, read_version=channel.credentials_version, credentials=sealed
            ):
                meta_store.forget_expiry(tx, organization_id, channel.id)
                target = ("channel", channel.id)
                audit.record(
                    tx, organization_id, work.actor, "channel.credentials_replaced", now=now, target=target
                )
                return True
            again = meta_store.business(tx, organization_id, channel.id)
        if again is None or again.state != "active":
            return False  # disconnected meanwhile
        channel = again
    raise Unfit("overtaken")
