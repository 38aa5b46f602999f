"""Once an hour: have the day's tests of WhatsApp numbers and pages done, and warn before a token ends."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.messaging.channels import meta_store
from leadsrally.messaging.channels.ask_provider import QUEUE
from leadsrally.messaging.channels.meta_store import Due
from leadsrally.messaging.channels.workbench import Workbench

RETEST: Final = "retest"
EVERY: Final = timedelta(
    hours=23
)  # and at the next hour, so within a day; never tested: since it was connected
WARNINGS: Final = (timedelta(days=14), timedelta(days=3))
# An hour's tests are spread over most of it, so that many channels do not ask Meta all at once.
_SPREAD_SECONDS: Final = 3_000
_MAX_ATTEMPTS: Final = 4
_HOUR: Final = timedelta(hours=1)
# Not rung for: a worker rings for its own queue only, and the tick finds the job within a minute.
_UNRUNG: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class LookedAfter:
    """What one round asked for."""

    tests: int
    warnings: int


def look_after_channels(bench: Workbench) -> LookedAfter:
    """Ask for what is due, of all tenants; each channel has a moment of the hour of its own."""
    now = bench.clock()
    with bench.db.across() as tx:
        # An hour more than needed: whether a warning's time has come is decided in one place, below.
        due = meta_store.due(tx, tested_before=now - EVERY, expiring_before=now + max(WARNINGS) + _HOUR)
    tests = warnings = 0
    for channel in due:
        with bench.db.tenant(channel.organization_id) as tx:
            if channel.checked_at is None or channel.checked_at < now - EVERY:
                spread = timedelta(seconds=1 + channel.channel_id.int % _SPREAD_SECONDS)
                ask_for_retest(tx, channel.organization_id, channel.channel_id, now=now, delay=spread)
                tests += 1
            if warning_due(channel.token_expires_at, channel.expiry_warned_at, now):
                warnings += _warn(tx, channel, now)
    return LookedAfter(tests, warnings)


def ask_for_retest(
    tx: Tx, organization_id: UUID, channel_id: UUID, *, now: datetime, delay: timedelta = _UNRUNG
) -> None:
    """Have a channel tested, by nobody's wish; asking twice is asking once."""
    enqueue(
        tx,
        organization_id,
        QUEUE,
        RETEST,
        {"channel_id": str(channel_id)},
        now=now,
        delay=delay,
        unique_key=f"{RETEST}:{channel_id}",
        ordering_key=f"channel:{channel_id}",
        max_attempts=_MAX_ATTEMPTS,
    )


def warning_due(expires_at: datetime | None, warned_at: datetime | None, now: datetime) -> bool:
    """Whether a warning's time has come and nobody was warned since. Of a token that has ended the test tells."""
    if expires_at is None or expires_at <= now:
        return False
    come = [expires_at - before for before in WARNINGS if expires_at - before <= now]
    return bool(come) and (warned_at is None or warned_at < max(come))


def _warn(tx: Tx, channel: Due, now: datetime) -> bool:
    if not meta_store.note_warning(tx, channel, now=now):
        return False
    enqueue(
        tx,
        channel.organization_id,
        "notify",
        "token_expiring",
        {"channel_id": str(channel.channel_id)},
        now=now,
        delay=_UNRUNG,
        unique_key=f"token_expiring:{channel.channel_id}",
    )
    return True
