"""Have a provider delete its copies: each is asked for until it is gone, or would end by itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Later, Result
from leadsrally.kit.clock import Clock
from leadsrally.kit.db import Database, Tx
from leadsrally.messaging.copies import store
from leadsrally.messaging.copies.store import Account, Copy
from leadsrally.messaging.copies.types import Copies, Gone, NotYet
from leadsrally.telemetry import log

QUEUE: Final = "provider_delete"
AT_ONCE: Final = 100
# Twilio says to wait a minute for a message that is not final, and that it may rarely take fourteen days:
# https://www.twilio.com/docs/api/errors/20009
FIRST_PAUSE: Final = timedelta(minutes=1)
LONGEST_PAUSE: Final = timedelta(hours=6)
GIVEN_UP_AFTER: Final = timedelta(days=30)
_UNRUNG: Final = timedelta(seconds=1)
_TRIES: Final = 30

TimeLeft = Callable[[], timedelta]
_MARGIN: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class CopyDesk:
    """`copies_of` raises `LeadsRallyError` when the channel's credentials do not open."""

    db: Database
    clock: Clock
    copies_of: Callable[[UUID, Account], Copies]


def promise(tx: Tx, organization_id: UUID, channel_ids: Iterable[UUID], *, now: datetime) -> None:
    """Have the copies of these channels deleted, in the transaction that writes them down."""
    for channel_id in sorted(channel_ids):
        enqueue(
            tx,
            organization_id,
            QUEUE,
            "delete",
            {"channel_id": str(channel_id)},
            now=now,
            delay=_UNRUNG,
            unique_key=f"copies:{channel_id}",
            patience=timedelta(minutes=1),
            max_attempts=_TRIES,
        )


def delete_copies(desk: CopyDesk, job: Job, *, time_left: TimeLeft) -> Result:
    """Ask for what is due of one channel, one copy after another, with no transaction open meanwhile.

    Killed in between, what was asked for twice is gone twice. Of a channel without credentials nothing can be asked:
    what its provider has is kept there until it ends. Raises `LeadsRallyError` when the credentials do not open now.
    """
    organization_id, channel_id = job.organization_id, UUID(job.payload["channel_id"])
    with desk.db.tenant(organization_id) as tx:
        account = store.account(tx, organization_id, channel_id)
        due = store.due(tx, organization_id, channel_id, now=desk.clock(), limit=AT_ONCE)
    if account is None:
        return Done()
    copies = None if account.credentials is None or not due else desk.copies_of(organization_id, account)
    for copy in due:
        if time_left() < _MARGIN:
            return Later(timedelta(0), "goes_on")
        answer = NotYet("disconnected") if copies is None else copies.delete(copy.what, copy.provider_id)
        with desk.db.tenant(organization_id) as tx:
            _write_down(tx, desk.clock(), organization_id, account, copy, answer)
        if isinstance(answer, NotYet) and answer.everything:
            return Later(timedelta(seconds=answer.wait or LONGEST_PAUSE.total_seconds() / 6), answer.reason)
    return _go_on(desk, organization_id, channel_id)


def _write_down(
    tx: Tx, now: datetime, organization_id: UUID, account: Account, copy: Copy, answer: Gone | NotYet
) -> None:
    ended = now >= copy.ends_at
    if isinstance(answer, Gone) or ended:
        store.settle(tx, organization_id, copy, account.provider, gone=True)
    elif account.credentials is None or now - copy.asked_at >= GIVEN_UP_AFTER:
        store.settle(tx, organization_id, copy, account.provider, gone=False)
        log.error("copy.kept", channel_id=account.channel_id, reason=answer.reason, attempts=copy.attempts)
    else:
        pause = min(FIRST_PAUSE * 2 ** min(copy.attempts, 20), LONGEST_PAUSE)
        pause = max(pause, timedelta(seconds=answer.wait or 0))
        store.put_off(tx, organization_id, copy, answer.reason, next_at=now + pause)


def _go_on(desk: CopyDesk, organization_id: UUID, channel_id: UUID) -> Result:
    with desk.db.tenant(organization_id) as tx:
        next_at = store.next_at(tx, organization_id, channel_id)
    if next_at is None:
        return Done()
    return Later(max(next_at - desk.clock(), timedelta(0)), "copies_left")
