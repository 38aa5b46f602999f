"""What `functions/policy_watch` reads and writes: versions, and who was told of them by which job."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.privacy.policy.versions import Version

Telling = Literal["announced", "reminded"]

_PUBLISH: Final = """
INSERT INTO policy_versions (
    id, dated, fingerprint, material, summary, published_at, announced_for, told_at, effective_at
)
VALUES (
    %(id)s, %(dated)s, %(fingerprint)s, %(material)s, %(summary)s, %(published_at)s, %(announced_for)s, %(told_at)s,
    %(effective_at)s
)
ON CONFLICT (dated) DO NOTHING
"""


def publish(tx: Tx, version: Version) -> bool:
    """Write a version down; False when it is there already."""
    return (
        tx.run(
            _PUBLISH,
            {
                "id": version.id,
                "dated": version.dated,
                "fingerprint": version.fingerprint,
                "material": version.material,
                "summary": version.summary,
                "published_at": version.published_at,
                "announced_for": version.announced_for,
                "told_at": version.told_at,
                "effective_at": version.effective_at,
            },
        )
        == 1
    )


# Whoever came later was shown the version when they signed up. A sign-up that was not proven has nobody to tell, and
# neither has who is being erased.
_TO_TELL: Final = """
SELECT o.id
  FROM organizations AS o
  JOIN policy_versions AS v ON v.id = %(version_id)s
 WHERE o.state NOT IN ('pending', 'erasing', 'erased')
   AND o.created_at <= v.published_at
   AND NOT EXISTS (SELECT 1
                     FROM policy_notices AS n
                    WHERE n.version_id = v.id
                      AND n.organization_id = o.id
                      AND n.telling = %(telling)s)
 ORDER BY o.id
 LIMIT %(limit)s
"""


def to_tell(tx: Tx, version_id: UUID, telling: Telling, *, limit: int) -> list[UUID]:
    """Organisations that are to hear of a version and for which nobody has asked yet."""
    return tx.values(_TO_TELL, {"version_id": version_id, "telling": telling, "limit": limit})


_ASK: Final = """
INSERT INTO policy_notices (organization_id, version_id, telling, job_id, asked_at)
VALUES (%(organization_id)s, %(version_id)s, %(telling)s, %(job_id)s, %(now)s)
ON CONFLICT (organization_id, version_id, telling)
DO UPDATE SET job_id = excluded.job_id, asked_at = excluded.asked_at
        WHERE policy_notices.out_at IS NULL
"""


def ask(
    tx: Tx, organization_id: UUID, version_id: UUID, telling: Telling, job_id: UUID, *, now: datetime
) -> None:
    """Note which job tells this organisation; one that told nobody is replaced by the new one."""
    tx.run(
        _ASK,
        {
            "organization_id": organization_id,
            "version_id": version_id,
            "telling": telling,
            "job_id": job_id,
            "now": now,
        },
    )


# A job that is done is gone from the table. Out is a notice that the provider took, and one that can only be shown in
# the product: to an address from which mail comes back, or that the provider refuses. One that nobody would carry for a
# day is not out. An organisation without an owner has nobody to tell.
_GONE_OUT: Final = """
UPDATE policy_notices AS p
   SET out_at = told.at
  FROM (SELECT p.organization_id, greatest(p.asked_at, max(coalesce(n.taken_at, n.created_at))) AS at
          FROM policy_notices AS p
          LEFT JOIN notices AS n ON n.organization_id = p.organization_id AND n.job_id = p.job_id
         WHERE p.version_id = %(version_id)s
           AND p.telling = 'announced'
           AND p.out_at IS NULL
           AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = p.job_id)
         GROUP BY p.organization_id, p.asked_at
        HAVING count(*) FILTER (WHERE n.state = 'queued' OR n.reason = 'too_late') = 0) AS told
 WHERE p.organization_id = told.organization_id
   AND p.version_id = %(version_id)s
   AND p.telling = 'announced'
"""


def note_what_went_out(tx: Tx, version_id: UUID) -> int:
    """Write down, of the organisations whose notices have all gone out since, when the last one did."""
    return tx.run(_GONE_OUT, {"version_id": version_id})


_UNHEARD: Final = """
SELECT p.organization_id
  FROM policy_notices AS p
 WHERE p.version_id = %(version_id)s
   AND p.telling = %(telling)s
   AND p.out_at IS NULL
   AND NOT EXISTS (SELECT 1 FROM jobs AS j WHERE j.id = p.job_id)
   AND EXISTS (SELECT 1
                 FROM notices AS n
                WHERE n.organization_id = p.organization_id
                  AND n.job_id = p.job_id
                  AND n.reason = 'too_late')
 ORDER BY p.organization_id
 LIMIT %(limit)s
"""


def unheard(tx: Tx, version_id: UUID, telling: Telling, *, limit: int) -> list[UUID]:
    """Organisations whose notice no provider would carry for a day: they are to be told again."""
    return tx.values(_UNHEARD, {"version_id": version_id, "telling": telling, "limit": limit})


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the announcement of a version is. `last_at`: when the last notice that is out went out."""

    asked: int
    out: int
    last_at: datetime | None


_PROGRESS: Final = """
SELECT count(*) AS asked, count(out_at) AS out, max(out_at) AS last_at
  FROM policy_notices
 WHERE version_id = %(version_id)s
   AND telling = 'announced'
"""


def progress(tx: Tx, version_id: UUID) -> Progress:
    return tx.one(Progress, _PROGRESS, {"version_id": version_id})


_TAKES_EFFECT: Final = """
UPDATE policy_versions
   SET told_at = %(told_at)s, effective_at = %(effective_at)s
 WHERE id = %(version_id)s
   AND effective_at IS NULL
"""


def takes_effect(tx: Tx, version_id: UUID, *, told_at: datetime, effective_at: datetime) -> None:
    """Write down when it takes effect. The database refuses a day that is less than 14 days after `told_at`."""
    tx.run(_TAKES_EFFECT, {"version_id": version_id, "told_at": told_at, "effective_at": effective_at})


_ALTERED: Final = """
UPDATE policy_versions
   SET altered_at = CASE WHEN %(altered)s THEN coalesce(altered_at, %(now)s) END
 WHERE id = %(version_id)s
   AND (altered_at IS NOT NULL) <> %(altered)s
"""


def mark_altered(tx: Tx, version_id: UUID, *, altered: bool, now: datetime) -> None:
    """Note whether what is shown under this version differs from what was published."""
    tx.run(_ALTERED, {"version_id": version_id, "altered": altered, "now": now})
