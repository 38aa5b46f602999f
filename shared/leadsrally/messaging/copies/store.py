"""Copies that are to be deleted at their providers, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.messaging.copies.types import Provider, What

# Twilio lists a message for 400 days, thirteen months, unless it is deleted:
# https://support.twilio.com/hc/en-us/articles/223181008. WhatsApp's Cloud API keeps one for thirty days at most, and
# has no call that deletes it: https://developers.facebook.com/docs/whatsapp/cloud-api/overview#data-privacy---security.
KEPT_BY_TWILIO: Final = timedelta(days=400)
KEPT_BY_META: Final = timedelta(days=30)

# Whose erasure it is, is said when it is known. What ended by itself meanwhile is not asked for.
_ASK_MESSAGES = """
INSERT INTO provider_copies (
    organization_id, id, channel_id, erasure_id, what, provider_id, ends_at, asked_at, next_at
)
SELECT m.organization_id, gen_random_uuid(), ch.id, %(erasure_id)s, 'message', m.provider_message_id,
       m.said_at + %(kept)s, %(now)s, %(now)s
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE m.organization_id = %(organization_id)s
   AND m.id = ANY (%(ids)s)
   AND m.provider_message_id IS NOT NULL
   AND ch.kind = 'sms'
   AND m.said_at + %(kept)s > %(now)s
ON CONFLICT (organization_id, channel_id, what, provider_id) DO NOTHING
RETURNING channel_id
"""
_ASK_FILES = """
INSERT INTO provider_copies (
    organization_id, id, channel_id, erasure_id, what, provider_id, ends_at, asked_at, next_at
)
SELECT f.organization_id, gen_random_uuid(), c.channel_id, %(erasure_id)s, 'file', f.provider_id, f.provider_until,
       %(now)s, %(now)s
  FROM media AS f
  JOIN messages AS m ON m.organization_id = f.organization_id AND m.id = f.message_id
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
 WHERE f.organization_id = %(organization_id)s
   AND f.message_id = ANY (%(ids)s)
   AND f.provider_until > %(now)s
ON CONFLICT (organization_id, channel_id, what, provider_id) DO NOTHING
RETURNING channel_id
"""


def ask_messages(
    tx: Tx, organization_id: UUID, erasure_id: UUID, ids: Sequence[UUID], *, now: datetime
) -> set[UUID]:
    """Write down which of these messages Twilio has; returns the channels. While the messages are still there."""
    given = {"organization_id": organization_id, "erasure_id": erasure_id, "ids": list(ids), "now": now}
    return set(tx.values(_ASK_MESSAGES, {**given, "kept": KEPT_BY_TWILIO}))


def ask_files(
    tx: Tx, organization_id: UUID, erasure_id: UUID, ids: Sequence[UUID], *, now: datetime
) -> set[UUID]:
    """Write down which files of these messages were left with Meta; returns the channels."""
    given = {"organization_id": organization_id, "erasure_id": erasure_id, "ids": list(ids), "now": now}
    return set(tx.values(_ASK_FILES, given))


_ASK_ONE = """
INSERT INTO provider_copies (
    organization_id, id, channel_id, erasure_id, what, provider_id, ends_at, asked_at, next_at
)
SELECT %(organization_id)s, gen_random_uuid(), %(channel_id)s,
       (SELECT e.id
          FROM erasures AS e
         WHERE e.organization_id = %(organization_id)s
           AND (e.subject_id = %(message_id)s OR %(conversation_id)s = ANY (e.conversation_ids))
         ORDER BY e.requested_at DESC
         LIMIT 1),
       'message', %(provider_id)s, %(now)s::timestamptz + %(kept)s, %(now)s, %(now)s
ON CONFLICT (organization_id, channel_id, what, provider_id) DO NOTHING
"""


def ask_one(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    message_id: UUID,
    conversation_id: UUID,
    provider_id: str,
    *,
    now: datetime,
) -> None:
    """Write down a message that Twilio took while it was erased here."""
    tx.run(
        _ASK_ONE,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "message_id": message_id,
            "conversation_id": conversation_id,
            "provider_id": provider_id,
            "kept": KEPT_BY_TWILIO,
            "now": now,
        },
    )


_KEPT_AT_META = """
INSERT INTO provider_outcomes AS o (organization_id, erasure_id, provider, kept, kept_until)
SELECT %(organization_id)s, %(erasure_id)s, 'meta', count(*), max(m.said_at) + %(kept)s
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 WHERE m.organization_id = %(organization_id)s
   AND m.id = ANY (%(ids)s)
   AND ch.kind = 'whatsapp'
   AND m.provider_message_id IS NOT NULL
   AND m.said_at + %(kept)s > %(now)s
HAVING count(*) > 0
ON CONFLICT (organization_id, erasure_id, provider)
DO UPDATE SET kept = o.kept + excluded.kept, kept_until = greatest(o.kept_until, excluded.kept_until)
"""


def note_kept_at_meta(
    tx: Tx, organization_id: UUID, erasure_id: UUID, ids: Sequence[UUID], *, now: datetime
) -> None:
    """Count the messages that Meta keeps for some days and that nobody can have deleted there."""
    given = {"organization_id": organization_id, "erasure_id": erasure_id, "ids": list(ids), "now": now}
    tx.run(_KEPT_AT_META, {**given, "kept": KEPT_BY_META})


@dataclass(frozen=True, slots=True)
class Account:
    """The channel through which a copy came to be, and its way in. Without credentials it was disconnected."""

    channel_id: UUID
    kind: str
    account_sid: str | None
    credentials: bytes | None

    @property
    def provider(self) -> Provider:
        return "twilio" if self.kind == "sms" else "meta"


_ACCOUNT = """
SELECT id AS channel_id, kind, account_sid, credentials
  FROM channels
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def account(tx: Tx, organization_id: UUID, channel_id: UUID) -> Account | None:
    return tx.maybe(Account, _ACCOUNT, {"organization_id": organization_id, "channel_id": channel_id})


@dataclass(frozen=True, slots=True)
class Copy:
    id: UUID
    what: What
    provider_id: str
    attempts: int
    asked_at: datetime
    ends_at: datetime


_DUE = """
SELECT id, what, provider_id, attempts, asked_at, ends_at
  FROM provider_copies
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
   AND next_at <= %(now)s
 ORDER BY next_at, id
 LIMIT %(limit)s
"""


def due(tx: Tx, organization_id: UUID, channel_id: UUID, *, now: datetime, limit: int) -> list[Copy]:
    given = {"organization_id": organization_id, "channel_id": channel_id, "now": now, "limit": limit}
    return tx.all(Copy, _DUE, given)


_NEXT_AT = """
SELECT min(next_at)
  FROM provider_copies
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
"""


def next_at(tx: Tx, organization_id: UUID, channel_id: UUID) -> datetime | None:
    """When the next one is due; None when none is left."""
    return tx.value(_NEXT_AT, {"organization_id": organization_id, "channel_id": channel_id})


_SETTLE = """
WITH settled AS (
    DELETE FROM provider_copies
     WHERE organization_id = %(organization_id)s
       AND id = %(id)s
    RETURNING erasure_id, ends_at
)
INSERT INTO provider_outcomes AS o (organization_id, erasure_id, provider, deleted, kept, kept_until)
SELECT %(organization_id)s, erasure_id, %(provider)s, CASE WHEN %(gone)s THEN 1 ELSE 0 END,
       CASE WHEN %(gone)s THEN 0 ELSE 1 END, CASE WHEN NOT %(gone)s THEN ends_at END
  FROM settled
 WHERE erasure_id IS NOT NULL
ON CONFLICT (organization_id, erasure_id, provider)
DO UPDATE SET deleted = o.deleted + excluded.deleted,
              kept = o.kept + excluded.kept,
              kept_until = greatest(o.kept_until, excluded.kept_until)
"""


def settle(tx: Tx, organization_id: UUID, copy: Copy, provider: Provider, *, gone: bool) -> None:
    """Count what became of a copy, and forget what it was called."""
    given = {"organization_id": organization_id, "id": copy.id, "provider": provider, "gone": gone}
    tx.run(_SETTLE, given)


_PUT_OFF = """
UPDATE provider_copies
   SET next_at = %(next_at)s, attempts = attempts + 1, reason = %(reason)s
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def put_off(tx: Tx, organization_id: UUID, copy: Copy, reason: str, *, next_at: datetime) -> None:
    given = {"organization_id": organization_id, "id": copy.id, "reason": reason, "next_at": next_at}
    tx.run(_PUT_OFF, given)


_OUTCOMES = """
SELECT o.erasure_id, o.provider, o.deleted, o.kept, o.kept_until, 0::bigint AS waiting
  FROM provider_outcomes AS o
 WHERE o.organization_id = %(organization_id)s
   AND o.erasure_id = ANY (%(erasure_ids)s)
 UNION ALL
SELECT p.erasure_id, CASE ch.kind WHEN 'sms' THEN 'twilio' ELSE 'meta' END, 0, 0, NULL, count(*)
  FROM provider_copies AS p
  JOIN channels AS ch ON ch.organization_id = p.organization_id AND ch.id = p.channel_id
 WHERE p.organization_id = %(organization_id)s
   AND p.erasure_id = ANY (%(erasure_ids)s)
 GROUP BY p.erasure_id, 2
"""


def outcomes(tx: Tx, organization_id: UUID, erasure_ids: Sequence[UUID]) -> dict[UUID, list[dict[str, Any]]]:
    """By erasure and provider: copies deleted, waited for, and kept there, until when at the latest."""
    told: dict[tuple[UUID, str], dict[str, Any]] = {}
    for row in tx.dicts(_OUTCOMES, {"organization_id": organization_id, "erasure_ids": list(erasure_ids)}):
        of = row["erasure_id"], row["provider"]
        one = told.setdefault(of, {"provider": row["provider"], "kept_until": None})
        for name in ("deleted", "kept", "waiting"):
            one[name] = one.get(name, 0) + row[name]
        one["kept_until"] = row["kept_until"] or one["kept_until"]
    found: dict[UUID, list[dict[str, Any]]] = {}
    for erasure_id, provider in sorted(told):
        found.setdefault(erasure_id, []).append(told[erasure_id, provider])
    return found
