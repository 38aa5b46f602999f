"""The two texts we send by ourselves, for senders whose provider does not: STOP's confirmation and HELP."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from leadsrally.consent import store as consent_store
from leadsrally.consent.permission import opted_out
from leadsrally.consent.types import ChannelKind
from leadsrally.kit.db import Tx
from leadsrally.messaging.compose import queue_message

# 47 CFR 64.1200(a)(12): one confirmation, without marketing, presumed fine within five minutes of the STOP.
_CONFIRM_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Organization:
    name: str
    help_contact: str


_ORGANIZATION = """
SELECT name, help_contact
  FROM organizations
 WHERE id = %(organization_id)s
"""


def confirm_stop(tx: Tx, organization_id: UUID, conversation_id: UUID, *, now: datetime) -> None:
    """Queue the one confirmation. The caller asks for it only when the STOP changed something."""
    organization = tx.one(_Organization, _ORGANIZATION, {"organization_id": organization_id})
    queue_message(
        tx,
        organization_id,
        conversation_id,
        f"{organization.name}: you are opted out and will get no more messages. Reply START to opt in again.",
        purpose="keyword",
        now=now,
        lifetime=_CONFIRM_WITHIN,
    )


def help_with(
    tx: Tx,
    organization_id: UUID,
    kind: ChannelKind,
    contact_id: UUID,
    addresses: Sequence[bytes],
    conversation_id: UUID,
    *,
    now: datetime,
) -> None:
    """Queue the HELP text: who we are, how to reach us, how to stop. Not for someone who has opted out."""
    standings = consent_store.standings(tx, organization_id, contact_id, kind)
    suppressed = consent_store.suppressed(tx, organization_id, kind, addresses, "service")
    if opted_out(standings, suppressed=suppressed):
        return
    organization = tx.one(_Organization, _ORGANIZATION, {"organization_id": organization_id})
    reach = f" Contact: {organization.help_contact}." if organization.help_contact else ""
    rates = " Msg & data rates may apply." if kind == "sms" else ""
    queue_message(
        tx,
        organization_id,
        conversation_id,
        f"{organization.name}: help.{reach} Reply STOP to opt out.{rates}",
        purpose="keyword",
        now=now,
        lifetime=_CONFIRM_WITHIN,
    )
