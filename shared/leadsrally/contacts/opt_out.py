"""Opt a contact out by its id, for signs that come without an address: a provider's error, a colleague."""

from datetime import datetime
from uuid import UUID

from leadsrally.consent import change
from leadsrally.consent.types import ChannelKind, Evidence, Purpose
from leadsrally.contacts.known_as import known_as
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx


def opt_out(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    evidence: Evidence,
    *,
    now: datetime,
    purpose: Purpose = "all",
) -> bool:
    """Revoke and suppress. Returns False when it stood so already or the contact is gone."""
    addresses = known_as(tx, hashes, organization_id, contact_id, channel_kind)
    if addresses is None:
        return False
    return change.revoke(
        tx, organization_id, contact_id, channel_kind, addresses, evidence, now=now, purpose=purpose
    )
