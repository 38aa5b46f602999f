"""Claiming an outbound message and writing down what became of it."""

from dataclasses import dataclass
from datetime import datetime, time
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from leadsrally.billing.meter import TEXT_SENT, Counted, text_sent
from leadsrally.kit.db import Tx, statement
from leadsrally.messaging.types import RANK, Kind, PermissionKind, Purpose, Status

# The contact's row is locked until the claim is committed; a STOP takes the same lock. So a claim either
# precedes the STOP or is decided after it, and two claims for one person count each other against the daily
# cap. The message's row keeps two workers apart. The contact comes first, as in a STOP, which then takes back the
# answers that wait for their turn: rows are locked in the order of the clauses.
_LOCK = """
SELECT m.organization_id, m.id, m.conversation_id, m.kind, m.body, m.content, m.template_id, m.status, m.purpose,
       m.created_at, m.claimed_at, m.expires_at, m.verdict,
       (SELECT answered.provider_message_id
          FROM messages AS answered
         WHERE answered.organization_id = m.organization_id
           AND answered.id = m.reply_to) AS reply_to,
       c.address AS provider_address, c.last_inbound_at, c.quiet_until AS pair_quiet_until,
       c.marketing_quiet_until,
       p.id AS contact_id, p.phone,
       array_remove(ARRAY(SELECT CASE i.kind WHEN 'wa_id' THEN '+' || i.value ELSE i.value END
                            FROM contact_identities AS i
                           WHERE i.organization_id = p.organization_id
                             AND i.contact_id = p.id
                             AND i.retired_at IS NULL) || p.phone, NULL) AS addresses,
       p.time_zone, o.time_zone AS organization_zone,
       ch.id AS channel_id, ch.key AS channel_key, ch.kind AS channel_kind, ch.address AS our_number,
       ch.account_sid, ch.waba_id, ch.phone_number_id, ch.credentials, ch.credentials_version,
       ch.state AS channel_state, ch.quiet_until, ch.trouble IS NOT NULL AS in_trouble,
       p.restricted_at IS NOT NULL AS restricted,
       o.state AS organization_state, o.contact_daily_messages, o.contact_daily_marketing, o.marketing_opens,
       o.marketing_closes,
       ARRAY(SELECT jsonb_build_object(
                        'id', f.id, 'file_name', f.file_name, 'content_type', f.content_type, 'bytes', f.bytes,
                        'stored', f.state = 'stored', 'provider_id', f.provider_id,
                        'provider_until', extract(epoch FROM f.provider_until))
               FROM media AS f
              WHERE f.organization_id = m.organization_id
                AND f.message_id = m.id
              ORDER BY f.place) AS files
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN contacts AS p ON p.organization_id = c.organization_id AND p.id = c.contact_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
  JOIN organizations AS o ON o.id = m.organization_id
 WHERE m.organization_id = %(organization_id)s
   AND m.id = %(message_id)s
   AND m.direction = 'outbound'
   FOR NO KEY UPDATE OF p
   FOR UPDATE OF m
"""


@dataclass(frozen=True, slots=True)
class Locked:
    organization_id: UUID
    id: UUID
    conversation_id: UUID
    kind: Kind
    body: str
    content: dict[str, Any] | None
    template_id: UUID | None
    status: Status
    purpose: Purpose
    created_at: datetime
    claimed_at: datetime | None
    expires_at: datetime | None
    verdict: dict[str, Any] | None
    reply_to: str | None
    provider_address: str | None
    last_inbound_at: datetime | None
    pair_quiet_until: datetime | None
    marketing_quiet_until: datetime | None
    contact_id: UUID
    phone: str | None
    addresses: list[str]
    time_zone: str | None
    organization_zone: str
    channel_id: UUID
    channel_key: str
    channel_kind: PermissionKind
    our_number: str
    account_sid: str | None
    waba_id: str | None
    phone_number_id: str | None
    credentials: bytes | None
    credentials_version: int
    channel_state: str
    quiet_until: datetime | None
    in_trouble: bool
    restricted: bool
    organization_state: str
    contact_daily_messages: int
    files: list[dict[str, Any]]
    contact_daily_marketing: int
    marketing_opens: time
    marketing_closes: time

    @property
    def address(self) -> str | None:
        """Where this message goes: what the provider calls the person, else the number."""
        return self.provider_address or self.phone

    @property
    def numbers(self) -> list[str]:
        """The number to which this message goes and that of the record, in E.164 where they are numbers."""
        told = self.provider_address
        called = (
            f"+{told}" if told is not None and told.isdecimal() and self.channel_kind == "whatsapp" else told
        )
        return [number for number in (called, self.phone) if number is not None]


def lock(tx: Tx, organization_id: UUID, message_id: UUID) -> Locked | None:
    """The message with all that the gate must know of it, locked against a STOP and a second worker."""
    given = {"organization_id": organization_id, "message_id": message_id}
    # A merge that was waited for has taken the row of its loser away; whose message it is now, the second look tells.
    return tx.maybe(Locked, _LOCK, given) or tx.maybe(Locked, _LOCK, given)


_LEFT = """
UPDATE media
   SET provider_id = %(provider_id)s,
       provider_until = %(until)s
 WHERE organization_id = %(organization_id)s
   AND id = %(media_id)s
"""


def left(tx: Tx, organization_id: UUID, media_id: UUID, provider_id: str, until: datetime) -> None:
    """Remember what the provider calls its copy of a file, and until when it keeps it."""
    tx.run(
        _LEFT,
        {
            "organization_id": organization_id,
            "media_id": media_id,
            "provider_id": provider_id,
            "until": until,
        },
    )


# From `queued` only: nobody has called the provider for it.
_GIVE_UP = """
UPDATE messages
   SET status = 'failed', status_rank = %(rank)s, error_code = %(error_code)s
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
   AND status = 'queued'
"""


def give_up(tx: Tx, organization_id: UUID, message_id: UUID, error_code: str) -> None:
    """A queued message will not go, and its provider was not sent it: it refuses the files, or we cannot call."""
    tx.run(
        _GIVE_UP,
        {
            "organization_id": organization_id,
            "message_id": message_id,
            "rank": RANK[Status.FAILED],
            "error_code": error_code,
        },
    )


_SENT_SINCE = """
SELECT count(*) AS messages,
       (array_agg(m.claimed_at ORDER BY m.claimed_at DESC)
            FILTER (WHERE m.purpose = 'marketing'))[%(nth_offer)s] AS nth_newest_offer
  FROM conversations AS c
  JOIN messages AS m ON m.organization_id = c.organization_id AND m.conversation_id = c.id
 WHERE c.organization_id = %(organization_id)s
   AND c.contact_id = %(contact_id)s
   AND m.direction = 'outbound'
   AND m.said_at > %(since)s - interval '2 days'
   AND m.claimed_at > %(since)s
   AND m.purpose <> 'keyword'
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """To one contact, over all channels. `nth_newest_offer`: when it was claimed, if there were so many."""

    messages: int
    nth_newest_offer: datetime | None


def sent_since(tx: Tx, organization_id: UUID, contact_id: UUID, since: datetime, *, nth_offer: int) -> Sent:
    """What was claimed for this contact since then."""
    return tx.one(
        Sent,
        _SENT_SINCE,
        {
            "organization_id": organization_id,
            "contact_id": contact_id,
            "since": since,
            "nth_offer": nth_offer,
        },
    )


_DECIDED = """
UPDATE messages
   SET status = %(status)s,
       status_rank = %(rank)s,
       verdict = %(verdict)s,
       segments = coalesce(%(parts)s, segments),
       claimed_at = CASE WHEN %(status)s = 'claimed' THEN %(now)s ELSE claimed_at END
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
"""


def decided(
    tx: Tx,
    organization_id: UUID,
    message_id: UUID,
    status: Status,
    verdict: dict[str, Any],
    *,
    parts: int | None = None,
    now: datetime,
) -> None:
    """Store the verdict. `parts`: how many the text is sent in, until its provider says it better."""
    tx.run(
        _DECIDED,
        {
            "organization_id": organization_id,
            "message_id": message_id,
            "status": status,
            "rank": RANK[status],
            "verdict": Jsonb(verdict),
            "parts": parts,
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
       segments = coalesce(%(segments)s, segments)
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
   AND EXISTS (SELECT 1
                 FROM conversations AS c
                WHERE c.organization_id = messages.organization_id
                  AND c.id = messages.conversation_id
                  AND c.contact_id IS NOT NULL)
"""
_SETTLE_AND_COUNT = statement(
    "WITH message AS (",
    _SETTLE,
    "RETURNING id, claimed_at), counted AS (",
    TEXT_SENT,
    ") SELECT count(*) FROM message",
)


def settle(
    tx: Tx,
    organization_id: UUID,
    message_id: UUID,
    status: Status,
    *,
    provider_message_id: str | None = None,
    segments: int | None = None,
    error_code: str | None = None,
    sent: Counted | None = None,
    now: datetime,
) -> bool:
    """Write down what the provider answered. `sent` is what the message counts; None where nothing is counted yet.

    Returns False when the message was erased, alone or with its person: then nothing is written.
    """
    given = {
        "organization_id": organization_id,
        "message_id": message_id,
        "status": status,
        "rank": RANK[status],
        "provider_message_id": provider_message_id,
        "segments": segments,
        "error_code": error_code,
    }
    if sent is None:
        return tx.run(_SETTLE, given) > 0
    return tx.value(_SETTLE_AND_COUNT, {**given, **text_sent(sent, now)}) > 0


_NOTE_HELD = """
UPDATE messages
   SET verdict = verdict || '{"provider": "held_for_quality_assessment"}'
 WHERE organization_id = %(organization_id)s
   AND id = %(message_id)s
"""


def note_held(tx: Tx, organization_id: UUID, message_id: UUID) -> None:
    """Write beside our own verdict that the provider looks at the message first."""
    tx.run(_NOTE_HELD, {"organization_id": organization_id, "message_id": message_id})


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


_QUIET_ACCOUNT = """
UPDATE channels
   SET quiet_until = greatest(quiet_until, %(until)s)
 WHERE organization_id = %(organization_id)s
   AND waba_id = (SELECT waba_id
                    FROM channels
                   WHERE organization_id = %(organization_id)s
                     AND id = %(channel_id)s)
"""


def quiet_account(tx: Tx, organization_id: UUID, channel_id: UUID, until: datetime) -> None:
    """Hold back all senders of the WhatsApp account that this channel belongs to; it has limits of its own."""
    tx.run(_QUIET_ACCOUNT, {"organization_id": organization_id, "channel_id": channel_id, "until": until})


_QUIET_PAIR = """
UPDATE conversations
   SET quiet_until = greatest(quiet_until, %(until)s)
 WHERE organization_id = %(organization_id)s
   AND id = %(conversation_id)s
"""


def quiet_pair(tx: Tx, organization_id: UUID, conversation_id: UUID, until: datetime) -> None:
    """Hold back what goes to one person; everybody else is written to as before."""
    tx.run(
        _QUIET_PAIR, {"organization_id": organization_id, "conversation_id": conversation_id, "until": until}
    )


_NTH_NEWEST_CLAIM = """
SELECT claimed_at
  FROM messages
 WHERE organization_id = %(organization_id)s
   AND conversation_id = %(conversation_id)s
   AND direction = 'outbound'
   AND said_at > %(since)s - interval '2 days'
   AND claimed_at > %(since)s
 ORDER BY claimed_at DESC
OFFSET %(before)s
 LIMIT 1
"""


def nth_newest_claim(
    tx: Tx, organization_id: UUID, conversation_id: UUID, n: int, since: datetime
) -> datetime | None:
    """When the nth newest message of a conversation was claimed, if so many were since then."""
    return tx.value(
        _NTH_NEWEST_CLAIM,
        {
            "organization_id": organization_id,
            "conversation_id": conversation_id,
            "since": since,
            "before": n - 1,
        },
    )


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
