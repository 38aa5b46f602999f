"""What a person told WhatsApp about marketing from us, as consent."""

from datetime import datetime
from typing import Literal

from leadsrally.consent import change
from leadsrally.consent.types import Evidence
from leadsrally.contacts import store as contacts
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import amend_store
from leadsrally.messaging.receive import StaleChannelError
from leadsrally.messaging.types import Channel, Preference

Outcome = Literal["duplicate", "applied", "ignored"]


def prefer(tx: Tx, hashes: KeyedHash, channel: Channel, preference: Preference, *, now: datetime) -> Outcome:
    """Let the newest word by the provider's clock stand; an older one is on record and changes nothing.

    It counts for all senders of this kind, as a STOP does. Somebody of whom there is no record stays without
    one, and is opted out all the same. Raises `StaleChannelError`.
    """
    organization_id, kind, sender = channel.organization_id, channel.permission, preference.sender
    if not amend_store.is_current(tx, channel):
        raise StaleChannelError
    said_at = min(preference.said_at, now)
    who = "|".join(identity.value for identity in sender.identities)
    # Preferences carry no id of their own: who, what and when make one.
    word = f"preference|{who}|{preference.wants_marketing}|{preference.said_at.timestamp():.3f}"
    if not amend_store.take_receipt(
        tx, organization_id, channel.id, hashes.of(organization_id, "message", word)
    ):
        return "duplicate"
    evidence = Evidence("provider", said_at)
    contact_id = contacts.contact_of(tx, organization_id, sender)
    if contact_id is None:
        known_as = change.address_hashes(hashes, organization_id, sender.addresses)
        change.prefer_unknown(
            tx, organization_id, kind, known_as, evidence, marketing=preference.wants_marketing
        )
        return "applied"
    known_as = change.address_hashes(
        hashes, organization_id, contacts.addresses_of(tx, organization_id, contact_id) or ()
    )
    stands = change.prefer(
        tx,
        organization_id,
        contact_id,
        kind,
        known_as,
        evidence,
        marketing=preference.wants_marketing,
        now=now,
    )
    return "applied" if stands else "ignored"
