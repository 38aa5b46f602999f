"""Claiming an outbound message and writing down what became of it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.kit.db import Tx
from leadsrally.messaging.types import RANK, Status

# The contact's row is locked until the claim is committed; a STOP takes the same lock. So a claim either
# precedes the STOP or is decided after it, and two claims for one person count each other against the daily
# cap. The message's row keeps two workers apart.
_LOCK = """
SELECT m.id, m.conversation_id, m.body, m.status, m.purpose, m.created_at, m.claimed_at, m.expires_at,
       p.id AS contact_id, p.phone,
       array_remove(ARRAY(SELECT CASE i.kind WHEN 'wa_id' THEN '+' || i.value ELSE i.value END
                            FROM contact_identities AS i
                           WHERE i.organization_id = p.organization_id
                             AND i.contact_id = p.id
                             AND i.retired_at IS NULL) || p.phone, NULL) AS addresses,
       coalesce(p.time_zone, o.time_zone) AS time_zone,
       ch.id AS channel_id, ch.key AS channel_key, ch.kind AS channel_kind, ch.address AS our_number,
       ch.account_sid, ch.credentials, ch.credentials_version, ch.state AS channel_state, ch.quiet_until,
       o.state AS organization_state, o.contact_daily_messages
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  JOIN organizations AS o ON o.id = m.organization_id
 WHERE m.organization_id = %(organization_id)s
   AND m.id = %(message_id)s
   AND m.direction = 'outbound'
   FOR UPDATE OF m
   FOR NO KEY UPDATE OF p
"""


@dataclass(frozen=True, slots=True)
class Locked:
    id: UUID
    conversation_id: UUID
    body: str
    status: Status
    purpose: str
    created_at: datetime
    claimed_at: datetime | None
    expires_at: datetime | None
    contact_id: UUID
    phone: str | None
    addresses: list[str]
    time_zone: str
    channel_id: UUID
    channel_key: str
    channel_kind: str
    our_number: str
    account_sid: str | None
    credentials: bytes
    credentials_version: int
    channel_state: str
    quiet_until: datetime | None
    organization_state: str
    contact_daily_messages: int


def lock(tx: Tx, organization_id: UUID, message_id: UUID) -> Locked | None:
    """The message with all that the gate must know of it, locked against a STOP and a second worker."""
    return tx.maybe(Locked, _LOCK, {"organization_id": organization_id, "message_id": message_id})


_SENT_SINCE = """
SELECT count(*)
  FROM conversations AS c
  JOIN messages AS m ON m.organization_id = c.organization_id AND m.conversation_id = c.id
 WHERE c.organization_id = %(organization_id)s
   AND c.contact_id = %(contact_id)s
   AND m.direction = 'outbound'
   AND m.said_at > %(since)s - interval '2 days'
   AND m.claimed_at > %(since)s
   AND m.purpose <> 'keyword'
"""


def sent_since(tx: Tx, organization_id: UUID, contact_id: UUID, since: datetime) -> int:
    """How many messages were claimed for this contact since then, over all channels."""
    return tx.value(
        _SENT_SINCE, {"organization_id": organization_id, "contact_id": contact_id, "since": since}
    )


_DECIDED = """
UPDATE messages
   SET status = %(status)s,
       status_rank = %(rank)s,
       verdict = %(verdict)s,
       claimed_at = CASE WHEN %(status)s = 'claimed' THEN %(now)s ELSE claimed_at END
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
"""


def decided(
    tx: Tx, organization_id: UUID, message_id: UUID, status: Status, verdict: dict[str, str], *, now: datetime
) -> None:
    tx.run(
        _DECIDED,
        {
            "organization_id": organization_id,
            "message_id": message_id,
            "status": status,
            "rank": RANK[status],
            "verdict": Jsonb(verdict),
            "now": now,
        },
    )


# From `claimed` or `unknown` only: what a callback has said meanwhile is not overwritten.
_SETTLE = """
UPDATE messages
   SET status = CASE WHEN status IN ('claimed', 'unknown') THEN %(status)s ELSE status END,
       status_rank = CASE WHEN status IN ('claimed', 'unknown') THEN %(rank)s ELSE status_rank END,
       error_code = CASE WHEN status IN ('claimed', 'unknown') THEN %(error_code)s ELSE error_code END,
       provider_message_id = coalesce(provider_message_id, %(provider_message_id)s),
       segments = coalesce(segments, %(segments)s)
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
"""


def settle(
    tx: Tx,
    organization_id: UUID,
    message_id: UUID,
    status: Status,
    *,
    provider_message_id: str | None = None,
    segments: int | None = None,
    error_code: str | None = None,
) -> None:
    tx.run(
        _SETTLE,
        {
            "organization_id": organization_id,
            "message_id": message_id,
            "status": status,
            "rank": RANK[status],
            "provider_message_id": provider_message_id,
            "segments": segments,
            "error_code": error_code,
        },
    )


# From `claimed` only. A message that another worker took for interrupted has a look-up on its way and no job
# that would send it. What was not sent does not count against the daily cap.
_RELEASE = """
UPDATE messages
   SET status = 'queued', status_rank = %(rank)s, claimed_at = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
   AND status = 'claimed'
"""


def release(tx: Tx, organization_id: UUID, message_id: UUID) -> bool:
    """Put a claimed message back into the queue. False: its fate is in other hands by now."""
    touched = tx.run(
        _RELEASE,
        {"organization_id": organization_id, "message_id": message_id, "rank": RANK[Status.QUEUED]},
    )
    return touched > 0


_QUIET = """
UPDATE channels
   SET quiet_until = greatest(quiet_until, %(until)s)
 WHERE organization_id = %(organization_id)s
   AND id = %(channel_id)s
"""


def quiet_channel(tx: Tx, organization_id: UUID, channel_id: UUID, until: datetime) -> None:
    """Hold one sender back; the organisation's other senders and all other organisations go on."""
    tx.run(_QUIET, {"organization_id": organization_id, "channel_id": channel_id, "until": until})


_TAKEN = """
SELECT provider_message_id
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND direction = 'outbound'
   AND provider_message_id = ANY (%(ids)s)
"""


def taken(tx: Tx, organization_id: UUID, provider_message_ids: list[str]) -> set[str]:
    """Those of the provider's ids that belong to messages of ours already."""
    return set(tx.values(_TAKEN, {"organization_id": organization_id, "ids": provider_message_ids}))


_TWIN = """
SELECT EXISTS (
    SELECT 1
      FROM messages AS m
      JOIN messages AS twin ON twin.organization_id = m.organization_id
                           AND twin.conversation_id = m.conversation_id
                           AND twin.id <> m.id
                           AND twin.body = m.body
     WHERE m.organization_id = %(organization_id)s
       AND m.id = %(message_id)s
       AND twin.direction = 'outbound'
       AND twin.status IN ('claimed', 'unknown')
       AND twin.provider_message_id IS NULL
)
"""


def has_unresolved_twin(tx: Tx, organization_id: UUID, message_id: UUID) -> bool:
    """Whether another text with the same words to the same person is on its way or unknown."""
    return tx.value(_TWIN, {"organization_id": organization_id, "message_id": message_id})
