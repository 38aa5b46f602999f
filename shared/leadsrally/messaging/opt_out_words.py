"""How a message says that one can opt out: the unsubscribe link where the text asks for it, and a sentence."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from leadsrally.consent import keywords
from leadsrally.consent.change import address_hashes
from leadsrally.consent.types import ChannelKind
from leadsrally.consent.unsubscribe_link import Links, number_of
from leadsrally.contacts import store as contacts
from leadsrally.kit.crypto import KeyedHash
from leadsrally.kit.db import Tx

GAP: Final = re.compile(r"\{\{\s*unsubscribe_link\s*\}\}")
"""Stands in a text where the link belongs."""
_SENTENCES: Final[dict[str, str]] = {
    "en": "Reply STOP to opt out.",
    "es": "Responda STOP para darse de baja.",
    "pt": "Responda STOP para sair.",
    "fr": "Répondez STOP pour ne plus recevoir.",
    "de": "STOP antworten zum Abmelden.",
    "it": "Rispondi STOP per disiscriverti.",
}


@dataclass(frozen=True, slots=True)
class LinkDesk:
    """What making a person's link needs."""

    links: Links
    hashes: KeyedHash


_RECIPIENT = """
SELECT c.contact_id, CASE WHEN ch.kind = 'whatsapp' THEN 'whatsapp' ELSE 'sms' END AS kind, o.language,
       EXISTS (SELECT 1
                 FROM messages AS m
                WHERE m.organization_id = c.organization_id
                  AND m.conversation_id = c.id
                  AND m.direction = 'outbound'
                  AND m.purpose = 'marketing'
                  AND m.status NOT IN ('refused', 'canceled')
                  AND (%(idempotency_key)s::text IS NULL
                       OR m.idempotency_key IS DISTINCT FROM %(idempotency_key)s)) AS told
  FROM conversations AS c
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  JOIN organizations AS o ON o.id = c.organization_id
 WHERE c.organization_id = %(organization_id)s
   AND c.id = %(conversation_id)s
"""


@dataclass(frozen=True, slots=True)
class _Recipient:
    contact_id: UUID
    kind: ChannelKind
    language: str
    told: bool  # an offer went before, with its way out


def with_opt_out(
    tx: Tx,
    desk: LinkDesk,
    organization_id: UUID,
    conversation_id: UUID,
    body: str,
    *,
    offer: bool,
    idempotency_key: str | None,
    now: datetime,
) -> str:
    """The text as it will be sent: the link in its place and, in the first offer of a conversation, a way out.

    A text that names one itself is left as it is. The same text with the same key comes out the same.
    """
    gap = GAP.search(body)
    if gap is None and not offer:
        return body
    recipient = tx.maybe(
        _Recipient,
        _RECIPIENT,
        {
            "organization_id": organization_id,
            "conversation_id": conversation_id,
            "idempotency_key": idempotency_key,
        },
    )
    if recipient is None:
        return body  # whoever queues it says that there is no such conversation
    if gap is not None:
        url = desk.links.url(_number(tx, desk, organization_id, recipient, now))
        return GAP.sub(lambda _: url, body)
    if recipient.told or keywords.offers_a_way_out(body):
        return body
    return f"{body.rstrip()}\n{_SENTENCES[recipient.language]}"


def _number(tx: Tx, desk: LinkDesk, organization_id: UUID, recipient: _Recipient, now: datetime) -> int:
    addresses = contacts.addresses_of(tx, organization_id, recipient.contact_id) or ()
    known_as = address_hashes(desk.hashes, organization_id, addresses)
    return number_of(tx, organization_id, recipient.contact_id, recipient.kind, known_as, now=now)
