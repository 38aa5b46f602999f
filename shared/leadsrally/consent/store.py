"""Consent events, what stands after them, and suppressions."""

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
    Suppression,
    Wanted,
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
    purpose: Wanted,
    standing: Standing,
) -> None:
    """Let what stood about all purposes stand about this one, on the same evidence."""
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


# A lapse is the last word too: nothing said before it counts any more.
_LAST_SAID = """
SELECT nullif(action, 'lapse')
  FROM consent_events
 WHERE organization_id = %(organization_id)s
   AND contact_id = %(contact_id)s
   AND channel_kind = %(channel_kind)s
   AND purpose = 'all'
   AND action IN ('grant', 'revoke', 'lapse')
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


_SUPPRESS = """
INSERT INTO suppressions (organization_id, channel_kind, number_hash, purpose, source, since)
SELECT %(organization_id)s, %(channel_kind)s, hash, %(purpose)s, %(source)s, %(since)s
  FROM unnest(%(hashes)s::bytea[]) AS hash
 ORDER BY hash
ON CONFLICT DO NOTHING
"""


def suppress(
    tx: Tx,
    organization_id: UUID,
    channel_kind: ChannelKind,
    hashes: Sequence[bytes],
    purpose: Purpose,
    *,
    source: str,
    since: datetime,
) -> bool:
    """Returns False when one of the addresses was suppressed before; the first sign is kept."""
    touched = tx.run(
        _SUPPRESS,
        {
            "organization_id": organization_id,
            "channel_kind": channel_kind,
            "hashes": list(hashes),
            "purpose": purpose,
            "source": source,
            "since": since,
        },
    )
    return touched == len(hashes)


_COPY_SUPPRESSIONS = """
INSERT INTO suppressions (organization_id, channel_kind, number_hash, purpose, source, since)
SELECT DISTINCT ON (new.hash, s.purpose)
       s.organization_id, s.channel_kind, new.hash, s.purpose, s.source, s.since
  FROM suppressions AS s
 CROSS JOIN unnest(%(after)s::bytea[]) AS new (hash)
 WHERE s.organization_id = %(organization_id)s
   AND s.channel_kind = %(channel_kind)s
   AND s.number_hash = ANY (%(before)s::bytea[])
 ORDER BY new.hash, s.purpose, s.since DESC
ON CONFLICT DO NOTHING
"""


def copy_suppressions(
    tx: Tx,
    organization_id: UUID,
    channel_kind: ChannelKind,
    before: Sequence[bytes],
    after: Sequence[bytes],
) -> None:
    """Suppress the second addresses for whatever one of the first is suppressed for."""
    tx.run(
        _COPY_SUPPRESSIONS,
        {
            "organization_id": organization_id,
            "channel_kind": channel_kind,
            "before": list(before),
            "after": list(after),
        },
    )


_UNSUPPRESS = """
DELETE FROM suppressions
 WHERE organization_id = %(organization_id)s
   AND channel_kind = %(channel_kind)s
   AND number_hash = ANY (%(hashes)s::bytea[])
   AND purpose = %(purpose)s
   AND (%(before)s::timestamptz IS NULL OR since < %(before)s)
   AND (%(source)s::text IS NULL OR source = %(source)s)
"""


def unsuppress(
    tx: Tx,
    organization_id: UUID,
    channel_kind: ChannelKind,
    hashes: Sequence[bytes],
    purpose: Purpose,
    *,
    before: datetime | None = None,
    source: str | None = None,
) -> bool:
    """Returns whether one of the addresses was suppressed for exactly this purpose.

    With `before` only what is older is lifted, with `source` only what came from there.
    """
    touched = tx.run(
        _UNSUPPRESS,
        {
            "organization_id": organization_id,
            "channel_kind": channel_kind,
            "hashes": list(hashes),
            "purpose": purpose,
            "before": before,
            "source": source,
        },
    )
    return touched > 0


_SUPPRESSED = """
SELECT EXISTS (
    SELECT 1
      FROM suppressions
     WHERE organization_id = %(organization_id)s
       AND channel_kind = %(channel_kind)s
       AND number_hash = ANY (%(hashes)s::bytea[])
       AND purpose IN ('all', %(purpose)s)
)
"""


def suppressed(
    tx: Tx,
    organization_id: UUID,
    channel_kind: ChannelKind,
    hashes: Sequence[bytes],
    purpose: str = "all",
) -> bool:
    """Whether a message of this purpose must not go to whoever is reached by one of these addresses."""
    return tx.value(
        _SUPPRESSED,
        {
            "organization_id": organization_id,
            "channel_kind": channel_kind,
            "hashes": list(hashes),
            "purpose": purpose,
        },
    )


_SUPPRESSIONS = """
SELECT DISTINCT ON (purpose) purpose, source, since
  FROM suppressions
 WHERE organization_id = %(organization_id)s
   AND channel_kind = %(channel_kind)s
   AND number_hash = ANY (%(hashes)s::bytea[])
 ORDER BY purpose, since DESC
"""


def suppressions(
    tx: Tx, organization_id: UUID, channel_kind: ChannelKind, hashes: Sequence[bytes]
) -> list[Suppression]:
    """What is suppressed for whoever is reached by one of these addresses, each purpose with its newest sign."""
    return tx.all(
        Suppression,
        _SUPPRESSIONS,
        {"organization_id": organization_id, "channel_kind": channel_kind, "hashes": list(hashes)},
    )


_NARROW = """
WITH lifted AS (
    DELETE FROM suppressions
     WHERE organization_id = %(organization_id)s
       AND channel_kind = %(channel_kind)s
       AND number_hash = ANY (%(hashes)s::bytea[])
       AND purpose = 'all'
    RETURNING organization_id, channel_kind, number_hash, source, since
)
INSERT INTO suppressions (organization_id, channel_kind, number_hash, purpose, source, since)
SELECT organization_id, channel_kind, number_hash, %(purpose)s, source, since
  FROM lifted
ON CONFLICT DO NOTHING
"""


def narrow_suppressions(
    tx: Tx, organization_id: UUID, channel_kind: ChannelKind, hashes: Sequence[bytes], purpose: Wanted
) -> None:
    """Let what was suppressed for all purposes be suppressed for this one alone."""
    tx.run(
        _NARROW,
        {
            "organization_id": organization_id,
            "channel_kind": channel_kind,
            "hashes": list(hashes),
            "purpose": purpose,
        },
    )
