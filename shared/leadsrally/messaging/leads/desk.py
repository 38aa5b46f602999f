"""What fetching leads needs, and what follows when the provider says no to a whole page."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.jobs.types import Later
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Limited
from leadsrally.messaging.channels.in_trouble import channel_in_trouble, nothing_passes
from leadsrally.messaging.leads.troubles import IN_TROUBLE, RATE_LIMITED
from leadsrally.messaging.leads.types import LeadSource

# While nobody has connected the page again. The hourly catching-up tries and finds out when somebody has.
_IN_TROUBLE_FOR: Final = timedelta(minutes=10)
_SPREAD: Final = 30.0  # seconds: what waited together does not come back together


@dataclass(frozen=True, slots=True)
class LeadDesk:
    """Where to write, how to recognise, and how to reach a page: by its channel and the channel's sealed credentials."""

    db: Database
    clock: Clock
    hashes: KeyedHash
    source_of: Callable[[UUID, UUID, bytes], LeadSource]
    surprise: Callable[[BaseException], None]


def held_back(trouble: str | None, quiet_until: datetime | None, now: datetime) -> Later | None:
    """When to come back, if there is no use in asking this page now."""
    if nothing_passes(trouble):
        return Later(_IN_TROUBLE_FOR + _spread(), IN_TROUBLE)
    if quiet_until is not None and quiet_until > now:
        return Later(quiet_until - now + _spread(), RATE_LIMITED)
    return None


def token_refused(tx: Tx, organization_id: UUID, channel_id: UUID, code: str, *, now: datetime) -> Later:
    """Note that the page's access is over, which its owners are told; its leads wait."""
    channel_in_trouble(tx, organization_id, channel_id, code, now=now)
    return Later(_IN_TROUBLE_FOR + _spread(), IN_TROUBLE)


_QUIET = """
UPDATE channels
   SET quiet_until = greatest(quiet_until, %(until)s)
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def page_limited(
    tx: Tx, organization_id: UUID, channel_id: UUID, limited: Limited, *, now: datetime
) -> Later:
    """Leave this page alone for as long as its provider asked, and no other one."""
    wait = timedelta(seconds=limited.retry_after or 0)
    tx.run(_QUIET, {"organization_id": organization_id, "channel_id": channel_id, "until": now + wait})
    return Later(wait + _spread(), RATE_LIMITED)


def _spread() -> timedelta:
    return timedelta(seconds=random.random() * _SPREAD)  # noqa: S311  # nosec B311: spreads load, guards nothing
