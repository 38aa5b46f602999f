"""Heed what a provider's error says beyond its message: about the person, the template or the channel.

The same errors come as the answer to a call and as a report hours later; both end here.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from leadsrally.consent import change
from leadsrally.consent.types import Evidence
from leadsrally.contacts import store as contacts
from leadsrally.contacts.opt_out import opt_out
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx
from leadsrally.messaging.channels.in_trouble import channel_in_trouble
from leadsrally.messaging.templates import store as template_store
from leadsrally.messaging.templates.sync import ask_for_sync, tell_owners
from leadsrally.messaging.types import Effect, PermissionKind, TemplateState

# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes, 131049: wait, and do
# not try the same person again at once.
_WITHHELD_FOR: Final = timedelta(hours=24)
_BECAME: Final[dict[Effect, TemplateState]] = {
    "template_paused": "paused",
    "template_disabled": "disabled",
    "template_gone": "deleted",
}


@dataclass(frozen=True, slots=True)
class About:
    """Which message an error is about, and where it was sent."""

    kind: PermissionKind
    channel_id: UUID
    contact_id: UUID
    message_id: UUID


def heed(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    about: About,
    effect: Effect,
    code: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    """Do what the error asks for. `code` is the provider's own, `at` when the provider said it."""
    match effect:
        case "opt_out" | "no_marketing":
            _take_as_word(tx, hashes, organization_id, about, effect, code, at=at, now=now)
        case "withheld":
            withhold_marketing(tx, organization_id, about.message_id, at + _WITHHELD_FOR)
        case "template_changed":
            ask_for_sync(tx, organization_id, about.channel_id, now=now)
        case "attention":
            channel_in_trouble(tx, organization_id, about.channel_id, code or "unknown", now=now)
        case _:
            state = _BECAME[effect]
            stopped = template_store.stop_template_of(tx, organization_id, about.message_id, state, now=now)
            if stopped is not None:
                tell_owners(tx, organization_id, stopped, now=now)


def _take_as_word(
    tx: Tx,
    hashes: KeyedHash,
    organization_id: UUID,
    about: About,
    effect: Effect,
    code: str | None,
    *,
    at: datetime,
    now: datetime,
) -> None:
    evidence = Evidence("provider_error", at, word=code, message_id=about.message_id)
    if effect == "opt_out":
        opt_out(tx, hashes, organization_id, about.contact_id, about.kind, evidence, now=now)
        return
    addresses = contacts.addresses_of(tx, organization_id, about.contact_id) or ()
    known_as = change.address_hashes(hashes, organization_id, addresses)
    change.prefer(
        tx, organization_id, about.contact_id, about.kind, known_as, evidence, marketing=False, now=now
    )


_WITHHOLD = """
UPDATE conversations
   SET marketing_quiet_until = greatest(marketing_quiet_until, %(until)s)
 WHERE organization_id = %(organization_id)s
   AND id = (SELECT conversation_id
               FROM messages
              WHERE organization_id = %(organization_id)s
                AND id = %(message_id)s)
"""


def withhold_marketing(tx: Tx, organization_id: UUID, message_id: UUID, until: datetime) -> None:
    """WhatsApp held a marketing message back: the next one to this person waits as long."""
    tx.run(_WITHHOLD, {"organization_id": organization_id, "message_id": message_id, "until": until})
