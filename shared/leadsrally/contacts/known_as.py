"""What a suppression knows a contact by, on one kind of channel."""

from uuid import UUID

from leadsrally.consent.change import address_hashes
from leadsrally.consent.types import ChannelKind
from leadsrally.contacts import store
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx


def known_as(
    tx: Tx, hashes: KeyedHash, organization_id: UUID, contact_id: UUID, kind: ChannelKind
) -> list[bytes] | None:
    """Hashes of the numbers and ids that the person is reached by, or of the mail address. None: no such contact."""
    addresses = store.addresses_of(tx, organization_id, contact_id)
    if addresses is None:
        return None
    if kind == "email":
        email = store.email_of(tx, organization_id, contact_id).lower()
        addresses = [email] if email else []
    return address_hashes(hashes, organization_id, addresses)
