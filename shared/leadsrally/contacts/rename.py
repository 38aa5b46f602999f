"""Keep a person one contact when their provider calls them differently from now on."""

from datetime import datetime
from uuid import UUID

from leadsrally.contacts import store
from leadsrally.contacts.types import Identity, Person
from leadsrally.kit.db import Tx


def rename(
    tx: Tx, organization_id: UUID, contact_id: UUID, before: Person, after: Person, *, now: datetime
) -> list[Identity]:
    """Let the new names lead to this contact, and the old ones of the same kinds to nobody.

    The number that the customer has stored is not rewritten: it may be where the person still gets texts. A
    new name that led elsewhere leads here now, since the provider says who it is. Returns the old ones.
    """
    kinds = {identity.kind for identity in after.identities}
    gone = [
        identity
        for identity in before.identities
        if identity.kind in kinds and identity not in after.identities
    ]
    store.retire(tx, organization_id, contact_id, gone, now=now)
    store.point(tx, organization_id, contact_id, after.identities, now=now)
    return gone
