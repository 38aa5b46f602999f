"""Changes to messages that are there, and changes that wait for theirs."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.messaging.types import Channel, Direction

_IS_CURRENT = """
SELECT EXISTS (
    SELECT 1
      FROM channels
     WHERE organization_id = %(organization_id)s
       AND id = %(channel_id)s
       AND state = 'active'
       AND credentials_version = %(credentials_version)s
)
"""


def is_current(tx: Tx, channel: Channel) -> bool:
    """Whether the channel is still what it was when it was read."""
    return tx.value(
        _IS_CURRENT,
        {
            "organization_id": channel.organization_id,
            "channel_id": channel.id,
            "credentials_version": channel.credentials_version,
        },
    )


_TAKE_RECEIPT = """
INSERT INTO message_receipts (organization_id, channel_id, provider_hash)
VALUES (%(organization_id)s, %(channel_id)s, %(provider_hash)s)
ON CONFLICT DO NOTHING
"""


def take_receipt(tx: Tx, organization_id: UUID, channel_id: UUID, provider_hash: bytes) -> bool:
    """False when this id was ever seen on this channel."""
    touched = tx.run(
        _TAKE_RECEIPT,
        {"organization_id": organization_id, "channel_id": channel_id, "provider_hash": provider_hash},
    )
    return touched > 0


@dataclass(frozen=True, slots=True)
class Target:
    """The message that is spoken of, with its thread."""

    message_id: UUID
    conversation_id: UUID
    contact_id: UUID
    direction: Direction


# Ours by the provider's id; theirs by the receipt, which leads to it.
_FIND_TARGET = """
SELECT m.id AS message_id, m.conversation_id, c.contact_id, m.direction
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
 WHERE m.organization_id = %(organization_id)s
   AND m.id = coalesce(
           (SELECT ours.id
              FROM messages AS ours
             WHERE ours.organization_id = %(organization_id)s
               AND ours.direction = 'outbound'
               AND ours.provider_message_id = %(provider_message_id)s),
           (SELECT r.message_id
              FROM message_receipts AS r
             WHERE r.organization_id = %(organization_id)s
               AND r.channel_id = %(channel_id)s
               AND r.provider_hash = %(target_hash)s))
   AND c.channel_id = %(channel_id)s
   AND c.contact_id IS NOT NULL
   FOR NO KEY UPDATE OF m
"""


def find_target(
    tx: Tx, organization_id: UUID, channel_id: UUID, provider_message_id: str, target_hash: bytes
) -> Target | None:
    """The message of this channel with the provider's id, locked."""
    return tx.maybe(
        Target,
        _FIND_TARGET,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "provider_message_id": provider_message_id,
            "target_hash": target_hash,
        },
    )


# A message that has come and is not there was erased: nothing that belongs to it is kept.
_PARK = """
INSERT INTO early_amendments AS e (
    organization_id, channel_id, target_hash, action, body, said_at, received_at
)
SELECT %(organization_id)s, %(channel_id)s, %(target_hash)s, %(action)s, %(body)s, %(said_at)s, %(now)s
 WHERE NOT EXISTS (SELECT 1
                     FROM message_receipts AS r
                    WHERE r.organization_id = %(organization_id)s
                      AND r.channel_id = %(channel_id)s
                      AND r.provider_hash = %(target_hash)s)
ON CONFLICT (organization_id, channel_id, target_hash, action)
DO UPDATE SET body = excluded.body, said_at = excluded.said_at, received_at = excluded.received_at
        WHERE e.said_at < excluded.said_at
"""


def park(
    tx: Tx,
    organization_id: UUID,
    channel_id: UUID,
    target_hash: bytes,
    action: str,
    body: str,
    *,
    said_at: datetime,
    now: datetime,
) -> None:
    """Keep the newest of its kind until its message comes; nothing if that was erased."""
    tx.run(
        _PARK,
        {
            "organization_id": organization_id,
            "channel_id": channel_id,
            "target_hash": target_hash,
            "action": action,
            "body": body,
            "said_at": said_at,
            "now": now,
        },
    )


@dataclass(frozen=True, slots=True)
class EarlyAmendment:
    action: str
    body: str
    said_at: datetime


_TAKE_PARKED = """
DELETE FROM early_amendments
 WHERE organization_id = %(organization_id)s
   AND channel_id = %(channel_id)s
   AND target_hash = %(target_hash)s
RETURNING action, body, said_at
"""


def take_parked(tx: Tx, organization_id: UUID, channel_id: UUID, target_hash: bytes) -> list[EarlyAmendment]:
    return tx.all(
        EarlyAmendment,
        _TAKE_PARKED,
        {"organization_id": organization_id, "channel_id": channel_id, "target_hash": target_hash},
    )


_REACT = """
UPDATE messages
   SET reaction = %(emoji)s, reacted_at = %(said_at)s
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
   AND revoked_at IS NULL
   AND (reacted_at IS NULL OR reacted_at < %(said_at)s)
"""


def react(tx: Tx, organization_id: UUID, message_id: UUID, emoji: str | None, *, said_at: datetime) -> None:
    tx.run(
        _REACT,
        {"organization_id": organization_id, "message_id": message_id, "emoji": emoji, "said_at": said_at},
    )


_EDIT = """
WITH edited AS (
    UPDATE messages
       SET body = %(body)s, edited_at = %(said_at)s
     WHERE organization_id = %(organization_id)s
       AND id = %(message_id)s
       AND revoked_at IS NULL
       AND (edited_at IS NULL OR edited_at < %(said_at)s)
    RETURNING id
),
shown AS (
    UPDATE conversations AS c
       SET preview = %(preview)s
      FROM edited
     WHERE c.organization_id = %(organization_id)s
       AND c.id = %(conversation_id)s
       AND c.last_message_id = edited.id
)
SELECT EXISTS (SELECT 1 FROM edited)
"""


def edit(tx: Tx, organization_id: UUID, target: Target, body: str, *, said_at: datetime) -> bool:
    """Replace the words. False: newer ones stand, or the message was revoked."""
    return tx.value(
        _EDIT,
        {
            "organization_id": organization_id,
            "message_id": target.message_id,
            "conversation_id": target.conversation_id,
            "body": body,
            "preview": body[:140],
            "said_at": said_at,
        },
    )


# What was said about it goes too; that there was a message stays, as it does on the phones.
_REVOKE = """
WITH revoked AS (
    UPDATE messages
       SET body = '', content = NULL, reaction = NULL, revoked_at = %(said_at)s
     WHERE organization_id = %(organization_id)s
       AND id = %(message_id)s
       AND revoked_at IS NULL
    RETURNING id
),
shown AS (
    UPDATE conversations AS c
       SET preview = ''
      FROM revoked
     WHERE c.organization_id = %(organization_id)s
       AND c.id = %(conversation_id)s
       AND c.last_message_id = revoked.id
),
unscored AS (
    DELETE FROM scores AS s
     USING revoked
     WHERE s.organization_id = %(organization_id)s
       AND s.message_id = revoked.id
)
UPDATE media AS f
   SET state = 'gone', reason = 'erased', source = NULL, file_name = '', bytes = NULL, sha256 = NULL,
       settled_at = %(now)s
  FROM revoked
 WHERE f.organization_id = %(organization_id)s
   AND f.message_id = revoked.id
RETURNING f.id
"""


def revoke(tx: Tx, organization_id: UUID, target: Target, *, said_at: datetime, now: datetime) -> list[UUID]:
    """Take away what the message held: words, files, and what a model said of it.

    Returns the files, which may be in the storage still.
    """
    return tx.values(
        _REVOKE,
        {
            "organization_id": organization_id,
            "message_id": target.message_id,
            "conversation_id": target.conversation_id,
            "said_at": said_at,
            "now": now,
        },
    )
