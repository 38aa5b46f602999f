"""Consent events, and what stands after them."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from leadsrally.consent.types import (
    Action,
    ChannelKind,
    Evidence,
    Purpose,
    Standing,
    State,
)
from leadsrally.kit.db import Tx
from leadsrally.kit.ids import new_id

_LOCK = """
SELECT 1
  FROM contacts
 WHERE organization_id = %(organization_id)s
   AND id = %(contact_id)s
   FOR NO KEY UPDATE
"""


def lock(tx: Tx, organization_id: UUID, contact_id: UUID) -> bool:
    """Wait for every send that is being claimed for this contact, and make later claims wait for us.

    The send gate holds the same lock until its claim is committed, so a claim either came before this change
    or sees it (docs/decisions/0003). `NO KEY`, since each new thread or event holds the contact's key through
    its foreign key: two first texts at once that both say STOP would each wait for the other. Returns False when
    there is no such contact any more.
    """
    return tx.run(_LOCK, {"organization_id": organization_id, "contact_id": contact_id}) > 0


_STANDINGS = """
SELECT purpose, state, source, since, event_id
  FROM consent_states
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND channel_kind = %(channel_kind)s
"""


def standings(tx: Tx, organization_id: UUID, contact_id: UUID, channel_kind: ChannelKind) -> list[Standing]:
    return tx.all(
        Standing,
        _STANDINGS,
        {"organization_id": organization_id, "contact_id": contact_id, "channel_kind": channel_kind},
    )


_EVENT = """
INSERT INTO consent_events (
    organization_id, id, contact_id, channel_kind, purpose, action, source, scope, word, method, wording_id,
    reference, message_id, actor_id, occurred_at, recorded_at
)
VALUES (
    %(organization_id)s, %(event_id)s, %(contact_id)s, %(channel_kind)s, %(purpose)s, %(action)s, %(source)s,
    %(scope)s, %(word)s, %(method)s, %(wording_id)s, %(reference)s, %(message_id)s, %(actor_id)s,
    %(occurred_at)s, %(now)s
)
"""
_STAND = """
INSERT INTO consent_states (
    organization_id, contact_id, channel_kind, purpose, state, source, event_id, since
)
VALUES (
    %(organization_id)s, %(contact_id)s, %(channel_kind)s, %(purpose)s, %(state)s, %(source)s,
    %(event_id)s, %(occurred_at)s
)
ON CONFLICT (organization_id, contact_id, channel_kind, purpose)
DO UPDATE SET state = excluded.state,
              source = excluded.source,
              event_id = excluded.event_id,
              since = excluded.since
"""
_RECORD = f"WITH event AS ({_EVENT}) {_STAND}"


def record(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    purpose: Purpose,
    action: Action,
    state: State,
    evidence: Evidence,
    *,
    event_id: UUID,
    now: datetime,
) -> None:
    """Write the event and let it stand."""
    event = _event(tx, organization_id, contact_id, channel_kind, purpose, action, evidence, event_id, now)
    tx.run(_RECORD, {**event, "state": state})


def note(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    purpose: Purpose,
    action: Action,
    evidence: Evidence,
    event_id: UUID,
    *,
    now: datetime,
) -> None:
    """Keep as evidence what changes nothing any more."""
    event = _event(tx, organization_id, contact_id, channel_kind, purpose, action, evidence, event_id, now)
    tx.run(_EVENT, event)


def _event(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    purpose: Purpose,
    action: Action,
    evidence: Evidence,
    event_id: UUID,
    now: datetime,
) -> dict[str, Any]:
    words = evidence.wording
    return {
        "organization_id": organization_id,
        "event_id": event_id,
        "contact_id": contact_id,
        "channel_kind": channel_kind,
        "purpose": purpose,
        "action": action,
        "source": evidence.source,
        "scope": evidence.scope,
        "word": evidence.word,
        "method": evidence.method,
        "wording_id": None if words is None else wording(tx, organization_id, words, now=now),
        "reference": evidence.reference,
        "message_id": evidence.message_id,
        "actor_id": evidence.actor_id,
        "occurred_at": evidence.occurred_at,
        "now": now,
    }


# A loser of two first writers sees the winner's row only with the next statement; so it is asked for again.
_WORDING = """
WITH written AS (
    INSERT INTO consent_wordings (organization_id, id, digest, words, created_at)
    VALUES (%(organization_id)s, %(id)s, %(digest)s, %(words)s, %(now)s)
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT id FROM written
 UNION ALL
SELECT id
  FROM consent_wordings
 WHERE organization_id = %(organization_id)s
   AND digest = %(digest)s
 LIMIT 1
"""


def wording(tx: Tx, organization_id: UUID, words: str, *, now: datetime) -> UUID:
    """The row that keeps these words, made when they are new. The same words are kept once."""
    given = {
        "organization_id": organization_id,
        "id": new_id(now),
        "digest": hashlib.sha256(words.encode()).digest(),
        "words": words,
        "now": now,
    }
    return tx.value(_WORDING, given) or tx.value(_WORDING, given)


def let_stand(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    purpose: Purpose,
    standing: Standing,
) -> None:
    """Let this stand about a purpose, on evidence that is there already."""
    tx.run(
        _STAND,
        {
            "organization_id": organization_id,
            "contact_id": contact_id,
            "channel_kind": channel_kind,
            "purpose": purpose,
            "state": standing.state,
            "source": standing.source,
            "event_id": standing.event_id,
            "occurred_at": standing.since,
        },
    )


# At most one row for each of three purposes.
_LAPSE = """
WITH gone AS (
    DELETE FROM consent_states
     WHERE organization_id = %(organization_id)s
       AND contact_id = %(contact_id)s
       AND channel_kind = %(channel_kind)s
       AND state = 'granted'
    RETURNING purpose
),
ended AS (
    SELECT purpose FROM gone
     UNION ALL
    SELECT purpose
      FROM consent_states
     WHERE organization_id = %(organization_id)s
       AND contact_id = %(contact_id)s
       AND channel_kind = %(channel_kind)s
       AND state = 'paused'
)
INSERT INTO consent_events (
    organization_id, id, contact_id, channel_kind, purpose, action, source, scope, actor_id, occurred_at,
    recorded_at
)
SELECT %(organization_id)s, (%(event_ids)s::uuid[])[row_number() OVER (ORDER BY purpose)], %(contact_id)s,
       %(channel_kind)s, purpose, 'lapse', %(source)s, 'organization', %(actor_id)s, %(occurred_at)s, %(now)s
  FROM ended
"""


def lapse(
    tx: Tx,
    organization_id: UUID,
    contact_id: UUID,
    channel_kind: ChannelKind,
    evidence: Evidence,
    event_ids: Sequence[UUID],
    *,
    now: datetime,
) -> None:
    """End what was granted, about each purpose; `event_ids` are one for each."""
    tx.run(
        _LAPSE,
        {
            "organization_id": organization_id,
            "contact_id": contact_id,
            "channel_kind": channel_kind,
            "event_ids": list(event_ids),
            "source": evidence.source,
            "actor_id": evidence.actor_id,
            "occurred_at": evidence.occurred_at,
            "now": now,
        },
    )


# A lapse is the last word too: nothing said before it counts any more. What the link took back was not said.
_LAST_SAID = """
SELECT nullif(action, 'lapse')
  FROM consent_events
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND channel_kind = %(channel_kind)s
   AND purpose = 'all'
   AND action IN ('grant', 'revoke', 'lapse')
   AND NOT (source = 'link' AND action = 'revoke' AND EXISTS (
               SELECT 1
                 FROM consent_events AS later
                WHERE later.organization_id = consent_events.organization_id
                  AND later.contact_id = consent_events.contact_id
                  AND later.channel_kind = consent_events.channel_kind
                  AND later.purpose = consent_events.purpose
                  AND later.action = 'resume'
                  AND later.source = 'link'
                  AND (later.recorded_at, later.id) > (consent_events.recorded_at, consent_events.id)))
 ORDER BY recorded_at DESC, id DESC
 LIMIT 1
"""


def last_said(
    tx: Tx, organization_id: UUID, contact_id: UUID, channel_kind: ChannelKind
) -> Literal["grant", "revoke"] | None:
    """The last word about all purposes that was no hold; None when there never was one."""
    return tx.value(
        _LAST_SAID,
        {"organization_id": organization_id, "contact_id": contact_id, "channel_kind": channel_kind},
    )


_FORGET_STANDING = """
DELETE FROM consent_states
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND channel_kind = %(channel_kind)s
   AND purpose = %(purpose)s
"""


def forget_standing(
    tx: Tx, organization_id: UUID, contact_id: UUID, channel_kind: ChannelKind, purpose: Purpose = "all"
) -> None:
    """Let nothing stand about this purpose. The events that led here stay."""
    tx.run(
        _FORGET_STANDING,
        {
            "organization_id": organization_id,
            "contact_id": contact_id,
            "channel_kind": channel_kind,
            "purpose": purpose,
        },
    )


# A hold that was taken off says nothing by itself; what was said before it does.
_LAST_SAID_ELSEWHERE = """
SELECT nullif(action, 'lapse')
  FROM consent_events
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND channel_kind = %(channel_kind)s
   AND purpose = %(purpose)s
   AND source <> 'link'
   AND (action IN ('grant', 'revoke', 'lapse')
        OR (action = 'pause' AND NOT EXISTS (
               SELECT 1
                 FROM consent_events AS later
                WHERE later.organization_id = consent_events.organization_id
                  AND later.contact_id = consent_events.contact_id
                  AND later.channel_kind = consent_events.channel_kind
                  AND later.purpose = consent_events.purpose
                  AND later.action = 'resume'
                  AND later.source <> 'link'
                  AND (later.recorded_at, later.id) > (consent_events.recorded_at, consent_events.id))))
 ORDER BY recorded_at DESC, id DESC
 LIMIT 1
"""


def last_said_elsewhere(
    tx: Tx, organization_id: UUID, contact_id: UUID, channel_kind: ChannelKind, purpose: Purpose
) -> Literal["grant", "revoke", "pause"] | None:
    """What stood about a purpose before its unsubscribe link was used; None when nothing did."""
    return tx.value(
        _LAST_SAID_ELSEWHERE,
        {
            "organization_id": organization_id,
            "contact_id": contact_id,
            "channel_kind": channel_kind,
            "purpose": purpose,
        },
    )
