"""What a person decides after being asked to look at a conversation."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from leadsrally.consent import change
from leadsrally.consent.types import ChannelKind, Evidence
from leadsrally.contacts.opt_out import opt_out
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging import store


def review(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    conversation_id: UUID,
    contact_id: UUID,
    kind: ChannelKind,
    decision: Literal["resume", "opt_out", "seen"],
    *,
    actor_id: UUID,
    now: datetime,
) -> None:
    """Resume a paused contact, keep the person opted out, or only take the mark away.

    `kind` is the conversation's kind of channel; the others stay as they are. `resume` lifts a pause and nothing
    stronger: a person's own opt-out stays.
    """
    evidence = Evidence("staff", now, actor_id=actor_id)
    # The thread before the person, in the order in which a text that says STOP takes them.
    store.ask_a_person(tx, organization_id, conversation_id, None)
    if decision == "resume":
        change.resume(tx, organization_id, contact_id, kind, evidence, now=now)
    elif decision == "opt_out":
        opt_out(tx, hashes, organization_id, contact_id, kind, evidence, now=now)
