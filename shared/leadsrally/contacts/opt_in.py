"""Record that a contact agreed, by its id, for signs that come without an address: a form, a file, a colleague."""

from datetime import datetime
from uuid import UUID

from leadsrally.consent.grant import Outcome, grant
from leadsrally.consent.types import ChannelKind, Evidence, Wanted
from leadsrally.contacts.known_as import known_as
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx


def opt_in(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    purpose: Wanted,
    evidence: Evidence,
    *,
    now: datetime,
) -> Outcome | None:
    """As `leadsrally.consent.grant.grant`. None: the contact is gone."""
    addresses = known_as(tx, hashes, organization_id, contact_id, channel_kind)
    if addresses is None:
        return None
    return grant(tx, organization_id, contact_id, channel_kind, purpose, addresses, evidence, now=now)
