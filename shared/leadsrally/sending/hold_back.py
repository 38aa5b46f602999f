"""What a provider was too busy for waits, and nobody else does."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.types import Later
from leadsrally.kit.db import Tx
from leadsrally.messaging.channels.in_trouble import channel_in_trouble
from leadsrally.sending import store
from leadsrally.sending.types import Addressee, NotProcessed

SLOW_DOWN: Final = timedelta(seconds=30)


def hold_back(
    tx: Tx,
    organization_id: UUID,
    to: Addressee,
    conversation_id: UUID,
    outcome: NotProcessed,
    *,
    now: datetime,
) -> Later:
    """Nothing was sent. Hold back whatever is too fast, and say when to try again."""
    pause = timedelta(seconds=outcome.retry_after) if outcome.retry_after else SLOW_DOWN
    match outcome.holds:
        case "sender":
            store.quiet_channel(tx, organization_id, to.channel_id, now + pause)
        case "account":
            store.quiet_account(tx, organization_id, to.channel_id, now + pause)
        case "pair":
            store.quiet_pair(tx, organization_id, conversation_id, now + pause)
    if outcome.trouble is not None:
        channel_in_trouble(tx, organization_id, to.channel_id, outcome.trouble, now=now)
    return Later(pause, outcome.reason)
