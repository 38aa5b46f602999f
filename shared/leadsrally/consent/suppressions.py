"""Addresses that must not be written to, by their hashes: what holds also where the person is unknown or erased."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from leadsrally.consent.types import ChannelKind, Purpose, Suppression, Wanted
from leadsrally.kit.db import Tx, statement

# The newest sign counts against a yes that is told late. Whose it is, counts for who may take it back: neither does
# the link make an opt-out its own, nor anybody else that of a provider, who goes on blocking.
_NEWER = """
ON CONFLICT (organization_id, channel_kind, number_hash, purpose)
DO UPDATE SET since = greatest(old.since, excluded.since),
              source = CASE WHEN excluded.source = 'link' OR old.source IN ('provider', 'provider_error')
                            THEN old.source
                            WHEN old.source = 'link' OR excluded.source IN ('provider', 'provider_error')
                                 OR excluded.since > old.since
                            THEN excluded.source
                            ELSE old.source END
"""
# What stood before is read as it was before this statement.
_SUPPRESS = statement(
    """
WITH told AS (
    INSERT INTO suppressions AS old (organization_id, channel_kind, number_hash, purpose, source, since)
    SELECT DISTINCT %(organization_id)s::uuid, %(channel_kind)s, hash, %(purpose)s, %(source)s,
           %(since)s::timestamptz
      FROM unnest(%(hashes)s::bytea[]) AS hash
     ORDER BY hash
""",
    _NEWER,
    """
)
SELECT NOT EXISTS (
    SELECT 1
      FROM suppressions
     WHERE organization_id = %(organization_id)s
       AND channel_kind = %(channel_kind)s
       AND number_hash = ANY (%(hashes)s::bytea[])
       AND purpose = %(purpose)s
)
""",
)


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
    """Returns False when one of the addresses was suppressed before; the newest sign is kept.

    `since` is when it was said, not when we were told.
    """
    return tx.value(
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


_COPY = statement(
    """
INSERT INTO suppressions AS old (organization_id, channel_kind, number_hash, purpose, source, since)
SELECT DISTINCT ON (new.hash, s.purpose)
       s.organization_id, s.channel_kind, new.hash, s.purpose, s.source, s.since
  FROM suppressions AS s
 CROSS JOIN unnest(%(after)s::bytea[]) AS new (hash)
 WHERE s.organization_id = %(organization_id)s
   AND s.channel_kind = %(channel_kind)s
   AND s.number_hash = ANY (%(before)s::bytea[])
 ORDER BY new.hash, s.purpose, s.since DESC
""",
    _NEWER,
)


def copy(
    tx: Tx,
    organization_id: UUID,
    channel_kind: ChannelKind,
    before: Sequence[bytes],
    after: Sequence[bytes],
) -> None:
    """Suppress the second addresses for whatever one of the first is suppressed for."""
    tx.run(
        _COPY,
        {
            "organization_id": organization_id,
            "channel_kind": channel_kind,
            "before": list(before),
            "after": list(after),
        },
    )


_LIFT = """
DELETE FROM suppressions
 WHERE organization_id = %(organization_id)s
   AND channel_kind = %(channel_kind)s
   AND number_hash = ANY (%(hashes)s::bytea[])
   AND purpose = %(purpose)s
   AND (%(before)s::timestamptz IS NULL OR since < %(before)s)
   AND (%(source)s::text IS NULL OR source = %(source)s)
"""


def lift(
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
        _LIFT,
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


_STANDING = """
SELECT DISTINCT ON (purpose) purpose, source, since
  FROM suppressions
 WHERE organization_id = %(organization_id)s
   AND channel_kind = %(channel_kind)s
   AND number_hash = ANY (%(hashes)s::bytea[])
 ORDER BY purpose, since DESC
"""


def standing(
    tx: Tx, organization_id: UUID, channel_kind: ChannelKind, hashes: Sequence[bytes]
) -> list[Suppression]:
    """What is suppressed for whoever is reached by one of these addresses, each purpose with its newest sign."""
    return tx.all(
        Suppression,
        _STANDING,
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


def narrow(
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
