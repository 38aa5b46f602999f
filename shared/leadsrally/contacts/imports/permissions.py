"""What an import says about permission: it records what is attested, and never loosens what stands.

Works on the rows that merge.py has staged. An opt-out in the file counts at once; a permission only where nothing was
ever said and no suppression stands. The gate asks all of it again at each send.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from leadsrally.consent import store as consent_store
from leadsrally.contacts.imports.ids import run_of
from leadsrally.contacts.imports.types import Attestation, Counts
from leadsrally.kit.db import Tx, statement


def record(
    tx: Tx,
    organization_id: UUID,
    import_id: UUID,
    attestation: Attestation,
    asked: Collection[str],
    *,
    opting_out: bool,
    known: bool,
    actor_id: UUID | None,
    now: datetime,
) -> Counts:
    """`asked`: kinds of channel that a column speaks of, so that only a yes there is a yes."""
    opted_out = permitted = 0
    if opting_out:
        for kind in ("sms", "whatsapp"):
            given = {
                "organization_id": organization_id,
                "channel_kind": kind,
                "prefix": run_of(import_id, f"revoke {kind}").prefix,
                "actor_id": actor_id,
                "now": now,
            }
            tx.run(_LOCK_REFUSING, given)
            tx.run(_SUPPRESS, given)
            opted_out += tx.run(_REVOKE, given)
    wording_id = None
    if attestation.channels and attestation.wording:
        wording_id = consent_store.wording(tx, organization_id, attestation.wording, now=now)
    for kind, purpose in attestation.channels:
        given = {
            "organization_id": organization_id,
            "channel_kind": kind,
            "purpose": purpose,
            "only_yes": kind in asked,
            "prefix": run_of(import_id, f"grant {kind} {purpose}").prefix,
            "method": attestation.method,
            "wording_id": wording_id,
            "reference": attestation.reference,
            "actor_id": actor_id,
            "now": now,
        }
        if known:
            tx.run(_LOCK_GRANTED, given)
        permitted += tx.run(_GRANT, given)
    return Counts(opted_out=opted_out, permitted=permitted)


def foresee(
    tx: Tx, organization_id: UUID, attestation: Attestation, asked: Collection[str], *, opting_out: bool
) -> Counts:
    """What `record` would come to."""
    opted_out = permitted = 0
    if opting_out:
        for kind in ("sms", "whatsapp"):
            opted_out += tx.value(_COUNT_REFUSING, {"organization_id": organization_id, "channel_kind": kind})
    for kind, purpose in attestation.channels:
        given: dict[str, Any] = {
            "organization_id": organization_id,
            "channel_kind": kind,
            "purpose": purpose,
            "only_yes": kind in asked,
        }
        permitted += tx.value(_COUNT_GRANTED, given)
    return Counts(opted_out=opted_out, permitted=permitted)


# `OFFSET 0`: as in merge.py.
_SAID: LiteralString = "CASE %(channel_kind)s WHEN 'sms' THEN s.sms WHEN 'whatsapp' THEN s.whatsapp END"

_REFUSING = statement(
    """
SELECT s.line, s.contact_id, s.hash
  FROM staged AS s
 WHERE s.skip IS NULL
   AND """,
    _SAID,
    """ IS FALSE
   AND NOT EXISTS (SELECT 1
                     FROM consent_states AS c
                    WHERE c.organization_id = %(organization_id)s
                      AND c.contact_id = s.contact_id
                      AND c.channel_kind = %(channel_kind)s
                      AND c.purpose = 'all'
                      AND c.state = 'revoked'
                   OFFSET 0)
""",
)
_GRANTED = statement(
    """
SELECT s.line, s.contact_id
  FROM staged AS s
 WHERE s.skip IS NULL
   AND CASE WHEN %(only_yes)s THEN """,
    _SAID,
    " IS TRUE ELSE ",
    _SAID,
    """ IS NOT FALSE END
   AND NOT EXISTS (SELECT 1
                     FROM consent_states AS c
                    WHERE c.organization_id = %(organization_id)s
                      AND c.contact_id = s.contact_id
                      AND c.channel_kind = %(channel_kind)s
                      AND c.purpose IN ('all', %(purpose)s)
                   OFFSET 0)
   AND NOT EXISTS (SELECT 1
                     FROM suppressions AS x
                    WHERE x.organization_id = %(organization_id)s
                      AND x.channel_kind = %(channel_kind)s
                      AND x.number_hash = s.hash
                      AND x.purpose IN ('all', %(purpose)s)
                   OFFSET 0)
""",
)
# As every change of permission does, so that no send is claimed on the old answer (docs/decisions/0003). Whoever
# was made by this transaction is seen by nobody yet.
_LOCK: LiteralString = """
SELECT count(*)
  FROM (SELECT 1
          FROM contacts AS p
         WHERE p.organization_id = %(organization_id)s
           AND p.id IN (SELECT w.contact_id FROM ("""
_LOCKED: LiteralString = """) AS w)
         ORDER BY p.id
           FOR NO KEY UPDATE) AS locked
"""
_LOCK_REFUSING = statement(_LOCK, _REFUSING, _LOCKED)
_LOCK_GRANTED = statement(_LOCK, _GRANTED, _LOCKED)
_COUNT_REFUSING = statement("SELECT count(*) FROM (", _REFUSING, ") AS w")
_COUNT_GRANTED = statement("SELECT count(*) FROM (", _GRANTED, ") AS w")

_SUPPRESS = statement(
    """
INSERT INTO suppressions (organization_id, channel_kind, number_hash, purpose, source, since)
SELECT %(organization_id)s, %(channel_kind)s, w.hash, 'all', 'import', %(now)s
  FROM (""",
    _REFUSING,
    """) AS w
 ORDER BY w.hash
ON CONFLICT DO NOTHING
""",
)
_REVOKE = statement(
    """
WITH event AS (
    INSERT INTO consent_events (
        organization_id, id, contact_id, channel_kind, purpose, action, source, scope, actor_id, occurred_at,
        recorded_at
    )
    SELECT %(organization_id)s, (%(prefix)s || lpad(to_hex(w.line), 8, '0'))::uuid, w.contact_id, %(channel_kind)s,
           'all', 'revoke', 'import', 'organization', %(actor_id)s, %(now)s, %(now)s
      FROM (""",
    _REFUSING,
    """) AS w
    RETURNING id, contact_id
)
INSERT INTO consent_states (
    organization_id, contact_id, channel_kind, purpose, state, source, event_id, since
)
SELECT %(organization_id)s, contact_id, %(channel_kind)s, 'all', 'revoked', 'import', id, %(now)s
  FROM event
 ORDER BY contact_id
ON CONFLICT (organization_id, contact_id, channel_kind, purpose)
DO UPDATE SET state = excluded.state, source = excluded.source, event_id = excluded.event_id, since = excluded.since
""",
)
_GRANT = statement(
    """
WITH event AS (
    INSERT INTO consent_events (
        organization_id, id, contact_id, channel_kind, purpose, action, source, scope, method, wording_id, reference,
        actor_id, occurred_at, recorded_at
    )
    SELECT %(organization_id)s, (%(prefix)s || lpad(to_hex(w.line), 8, '0'))::uuid, w.contact_id, %(channel_kind)s,
           %(purpose)s, 'grant', 'import', 'organization', %(method)s, %(wording_id)s, %(reference)s, %(actor_id)s,
           %(now)s, %(now)s
      FROM (""",
    _GRANTED,
    """) AS w
    RETURNING id, contact_id
)
INSERT INTO consent_states (
    organization_id, contact_id, channel_kind, purpose, state, source, event_id, since
)
SELECT %(organization_id)s, contact_id, %(channel_kind)s, %(purpose)s, 'granted', 'import', id, %(now)s
  FROM event
 ORDER BY contact_id
ON CONFLICT DO NOTHING
""",
)
