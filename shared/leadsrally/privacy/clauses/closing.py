"""§§9 to 11: children, changes of the policy, whom to ask."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.notices.compose import Letterhead
from leadsrally.notices.specimens import specimens
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.privacy.policy import dates

_POLICY_PUBLISHED = timedelta(hours=2)  # the watch runs every hour

_WITHOUT_ATTESTATION = """
SELECT count(*)
  FROM organizations AS o
 WHERE o.state <> 'pending'
   AND (SELECT count(DISTINCT a.document)
          FROM acceptances AS a
         WHERE a.organization_id = o.id
           AND a.document IN ('business_use', 'age')) < 2
"""


def _organizations_without_attestation(tx: Tx) -> int:
    return tx.value(_WITHOUT_ATTESTATION, {})


def _grown_up_and_in_business(tx: Tx, _now: datetime) -> Finding:
    silent = _organizations_without_attestation(tx)
    return Finding(silent == 0, f"{silent} organisations without attestation of business use and of age")


def _mails_say_where_we_are(_tx: Tx, _now: datetime) -> Finding:
    head = Letterhead("https://app.example", "support@example.com", "privacy@example.com")
    reach = (head.support, head.privacy)
    mute = sum(
        not all(address in form for address in reach for form in (mail.text, mail.html))
        for mail in specimens(head)
    )
    return Finding(mute == 0, f"{mute} kinds of mail without the address for questions or for privacy")


# A notice that is out later than was counted would make the day too early, and so would one that is not out.
_CHANGES = """
SELECT count(*) FILTER (WHERE v.altered_at IS NOT NULL) AS altered,
       count(*) FILTER (WHERE v.material AND v.effective_at IS NULL AND v.published_at < %(late)s) AS stuck,
       count(*) FILTER (
           WHERE v.material
             AND v.effective_at IS NOT NULL
             AND (told.waiting > 0
                  OR v.effective_at < coalesce(told.last_at, v.published_at) + interval '336 hours')) AS early,
       count(*) FILTER (WHERE v.effective_at <= %(now)s) AS in_force
  FROM policy_versions AS v
 CROSS JOIN LATERAL (
    SELECT max(n.out_at) AS last_at, count(*) FILTER (WHERE n.out_at IS NULL) AS waiting
      FROM policy_notices AS n
     WHERE n.version_id = v.id
       AND n.telling = 'announced') AS told
"""


@dataclass(frozen=True, slots=True)
class _Changes:
    altered: int
    stuck: int
    early: int
    in_force: int


# Somebody was there when it was published, and the organisation was never told.
_UNTOLD = """
SELECT count(*)
  FROM policy_versions AS v
  JOIN organizations AS o ON o.state NOT IN ('pending', 'erasing', 'erased')
 WHERE v.material
   AND v.effective_at IS NOT NULL
   AND EXISTS (SELECT 1 FROM users AS u WHERE u.organization_id = o.id AND u.created_at <= v.published_at)
   AND NOT EXISTS (SELECT 1
                     FROM policy_notices AS n
                    WHERE n.organization_id = o.id
                      AND n.version_id = v.id
                      AND n.telling = 'announced')
"""

_PEOPLE_BEFORE = """
SELECT EXISTS (SELECT 1 FROM users WHERE created_at < %(before)s)
"""


def _changes_announced(tx: Tx, now: datetime) -> Finding:
    found = tx.one(_Changes, _CHANGES, {"now": now, "late": now - dates.TELL_WITHIN})
    untold = tx.value(_UNTOLD, {})
    missing = not found.in_force and tx.value(_PEOPLE_BEFORE, {"before": now - _POLICY_PUBLISHED})
    return Finding(
        not (found.altered or found.stuck or found.early or untold or missing),
        f"{found.early} versions date sooner than 14 days after their last notice, {untold} organisations were not told,"
        f" {found.stuck} announcements take longer than a week, {found.altered} published texts were changed,"
        f" and {found.in_force} versions have taken effect",
    )


CLAUSES: Final = (
    Clause("P9.1", "Nothing about children under 16", _grown_up_and_in_business),
    Clause("P10.1", "Material changes announced 14 days ahead", _changes_announced),
    Clause("P11.1", "Privacy and support can be reached", _mails_say_where_we_are),
)
