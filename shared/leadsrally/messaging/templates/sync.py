"""Bring our copy of a WhatsApp account's templates up to date, and stop what can no longer be sent."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Forbidden
from leadsrally.messaging.channels.in_trouble import channel_in_trouble
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.templates.store import Account, Written
from leadsrally.messaging.types import TemplateCatalogue, TemplateNews
from leadsrally.telemetry import log

# Not rung for: a worker rings for its own queue only, and the tick finds the job within a minute.
UNRUNG: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class TemplateDesk:
    """What syncing needs: where to write, and how to reach an account's templates."""

    db: Database
    clock: Clock
    catalogue_for: Callable[[UUID, Account], TemplateCatalogue]


@dataclass(frozen=True, slots=True)
class Synced:
    """What one sync came to, in templates."""

    present: int
    stopped: int


def perform_sync(desk: TemplateDesk, job: Job) -> Result:
    """Ask for all templates of a channel's account, then write them down.

    A channel whose token is not good for it is noted as being in trouble. Raises `Unavailable` when the provider
    cannot be asked now, so that the job is tried again.
    """
    organization_id, channel_id = job.organization_id, UUID(job.payload["channel_id"])
    with desk.db.tenant(organization_id) as tx:
        account = template_store.account_of(tx, organization_id, channel_id)
    if account is None:
        return Done()
    try:
        news = desk.catalogue_for(organization_id, account).templates(account.waba_id)
    except Forbidden as refused:
        with desk.db.tenant(organization_id) as tx:
            channel_in_trouble(tx, organization_id, channel_id, refused.code, now=desk.clock())
        log.warning("templates.refused", channel_id=channel_id)
        return Done()
    with desk.db.tenant(organization_id) as tx:
        synced = take_news(tx, organization_id, account.waba_id, news, now=desk.clock())
    log.info("templates.synced", channel_id=channel_id, count=synced.present, stopped_count=synced.stopped)
    return Done()


def take_news(
    tx: Tx, organization_id: UUID, waba_id: str, news: list[TemplateNews], *, now: datetime
) -> Synced:
    """Write down all templates that the account has. Owners are told of each that was usable and is no more.

    One that is paused, rejected, disabled, deleted or put into another category stops what is queued with it: the
    gate asks at each claim.
    """
    # Of two with the same name and language, which Meta does not have, the last one counts.
    whole = list({(one.name, one.language): one for one in news}.values())
    written = template_store.write(tx, organization_id, waba_id, whole, now=now)
    gone = template_store.mark_missing(tx, organization_id, waba_id, [one.id for one in written], now=now)
    stopped = [one.id for one in written if _stopped(one)]
    for template_id in (*stopped, *(one.id for one in gone if one.was_usable)):
        tell_owners(tx, organization_id, template_id, now=now)
    return Synced(present=len(whole), stopped=len(stopped) + len(gone))


def tell_owners(tx: Tx, organization_id: UUID, template_id: UUID, *, now: datetime) -> None:
    """Once for a change, however many notice it at the same time."""
    enqueue(
        tx,
        organization_id,
        "notify",
        "template_stopped",
        {"template_id": str(template_id)},
        now=now,
        delay=UNRUNG,
        unique_key=f"template_stopped:{template_id}",
    )


def _stopped(one: Written) -> bool:
    """It could be sent and cannot be, or it is another kind of message than it was."""
    if one.earlier_state != "approved":
        return False
    return one.state != "approved" or one.category != one.earlier_category


def ask_for_sync(
    tx: Tx, organization_id: UUID, channel_id: UUID, *, now: datetime, delay: timedelta = UNRUNG
) -> UUID:
    """Have the templates of a channel's account brought up to date soon; asking twice is asking once."""
    return enqueue(
        tx,
        organization_id,
        "template_sync",
        "sync",
        {"channel_id": str(channel_id)},
        now=now,
        delay=delay,
        unique_key=f"template_sync:{channel_id}",
    )


def ask_for_account(tx: Tx, organization_id: UUID, channel_id: UUID, *, now: datetime) -> UUID | None:
    """As `ask_for_sync`, at once, for a channel that somebody named; None when it is no active WhatsApp channel."""
    if not template_store.is_whatsapp(tx, organization_id, channel_id):
        return None
    return ask_for_sync(tx, organization_id, channel_id, now=now, delay=timedelta(0))


def ask_for_every_sync(desk: TemplateDesk) -> int:
    """One sync of every account that has an active channel; returns how many."""
    with desk.db.across() as tx:
        accounts = template_store.every_account(tx)
    for organization_id, channel_id in accounts:
        with desk.db.tenant(organization_id) as tx:
            ask_for_sync(tx, organization_id, channel_id, now=desk.clock(), delay=timedelta(0))
    return len(accounts)
