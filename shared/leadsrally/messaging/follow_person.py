"""A person changed their number, their business-scoped id or their device: the thread stays one."""

from datetime import datetime
from typing import Literal

from leadsrally.consent import change
from leadsrally.contacts import store as contacts
from leadsrally.contacts.rename import rename
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id
from leadsrally.messaging import amend_store, follow_store
from leadsrally.messaging.receive import StaleChannelError
from leadsrally.messaging.types import Channel, Renaming

Outcome = Literal["duplicate", "applied", "ignored"]


def follow_person(
    tx: Tx, hashes: KeyedHash, channel: Channel, renaming: Renaming, *, now: datetime
) -> Outcome:
    """Let the new names lead to the same contact, note it in the thread, and ask a person to look.

    An opt-out goes along; consent to a number does not, and the number that the customer stored is not
    touched. Ignored when nobody is known by the old names. Raises `StaleChannelError`.
    """
    organization_id = channel.organization_id
    if not amend_store.is_current(tx, channel):
        raise StaleChannelError
    receipt = hashes.of(organization_id, "message", renaming.provider_message_id)
    if not amend_store.take_receipt(tx, organization_id, channel.id, receipt):
        return "duplicate"
    contact_id = contacts.contact_of(tx, organization_id, renaming.before)
    if contact_id is None:
        return "ignored"
    before = contacts.addresses_of(tx, organization_id, contact_id) or ()
    gone = rename(tx, organization_id, contact_id, renaming.before, renaming.after, now=now)
    after = contacts.addresses_of(tx, organization_id, contact_id) or ()
    change.carry_over(tx, hashes, organization_id, channel.permission, before, after)
    called = renaming.after.named("wa_id") or renaming.after.named("bsuid")
    event = "identity_changed" if called is None else "number_changed"
    follow_store.note(
        tx,
        organization_id,
        channel.id,
        contact_id,
        message_id=new_id(now),
        event=event,
        body=renaming.body,
        retired=[identity.value for identity in gone],
        address=called,
        said_at=min(renaming.sent_at or now, now),
        now=now,
    )
    return "applied"
