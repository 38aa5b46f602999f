"""§7: what people can demand."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from leadsrally.kit.db import Tx
from leadsrally.privacy.clauses.types import Clause, Finding
from leadsrally.privacy.export.pages import SPECIMEN, Reach, overview

_EXPORT_TAKES = timedelta(days=1)  # of the largest; most take seconds
_SWEEP_GRACE = timedelta(hours=1)  # the sweep runs on the hour; a day expires at midnight UTC

_EXPORTS_LATE = """
SELECT count(*) FILTER (WHERE state = 'failed' OR (state IN ('waiting', 'building') AND requested_at < %(before)s)) AS unmade,
       count(*) FILTER (WHERE state = 'ready' AND expires_at < %(over)s) AS undeleted
  FROM exports
"""


@dataclass(frozen=True, slots=True)
class ExportsLate:
    unmade: int
    undeleted: int


def _exports_late(tx: Tx, *, asked_before: datetime, over_before: datetime) -> ExportsLate:
    """Exports that should be there and are not, and that should be gone and are there."""
    return tx.one(ExportsLate, _EXPORTS_LATE, {"before": asked_before, "over": over_before})


def _exports_made(tx: Tx, now: datetime) -> Finding:
    late = _exports_late(tx, asked_before=now - _EXPORT_TAKES, over_before=now - _SWEEP_GRACE)
    return Finding(
        late.unmade == 0 and late.undeleted == 0,
        f"{late.unmade} exports failed or not ready after a day, {late.undeleted} still there after their time",
    )


# A version counts up with each edit. What changed a person's account is told of the person.
_EDITS_WITHOUT_RECORD = """
SELECT (SELECT count(*)
          FROM organizations AS o
         WHERE o.version - 1 > (SELECT count(*)
                                  FROM audit_log AS l
                                 WHERE l.organization_id = o.id
                                   AND l.action = 'organization.edited'))
     + (SELECT count(*)
          FROM users AS u
         WHERE u.version - 1 > (SELECT count(*)
                                  FROM audit_log AS l
                                 WHERE l.organization_id = u.organization_id
                                   AND l.target_id = u.id
                                   AND l.action IN ('member.role_changed', 'email.changed', 'password.changed',
                                                    'password.reset', 'second_factor.added',
                                                    'second_factor.removed')))
"""


def _edits_without_record(tx: Tx) -> int:
    """Profiles and members that were edited more often than the audit log knows."""
    return tx.value(_EDITS_WITHOUT_RECORD, {})


_LOCKED_DETAILS = """
SELECT d.name || '.' || d.detail
  FROM (VALUES ('organizations', 'name'), ('organizations', 'help_contact'), ('organizations', 'time_zone'),
               ('organizations', 'country'), ('organizations', 'language'), ('users', 'email'), ('users', 'role'),
               ('users', 'password_hash')) AS d (name, detail)
 WHERE NOT has_column_privilege('leadsrally_api', d.name, d.detail, 'UPDATE')
"""


def _locked_details(tx: Tx) -> list[str]:
    """Details of a customer that the product shows and could not correct."""
    return tx.values(_LOCKED_DETAILS, {})


def _corrections_written_down(tx: Tx, _now: datetime) -> Finding:
    silent, locked = _edits_without_record(tx), _locked_details(tx)
    return Finding(
        silent == 0 and not locked,
        f"of customers' own details {len(locked)} cannot be corrected, and {silent} edits were not written down",
    )


# The last word before the claim decides: revoked, and not granted again since; for this kind of channel, and for
# all purposes or the message's own. Taking back one of them grants nothing of the other. About
# marketing the newest word of the person counts, in whatever order they came.
_SENDS_AFTER_OPT_OUT = """
SELECT count(DISTINCT (m.organization_id, m.id))
  FROM messages AS m
  JOIN conversations AS c ON c.organization_id = m.organization_id AND c.id = m.conversation_id
  JOIN channels AS ch ON ch.organization_id = c.organization_id AND ch.id = c.channel_id
 CROSS JOIN (VALUES ('all'), ('marketing'), ('service')) AS about (purpose)
 CROSS JOIN LATERAL (
    SELECT e.action
      FROM consent_events AS e
     WHERE e.organization_id = c.organization_id
       AND e.contact_id = c.contact_id
       AND e.channel_kind = ch.kind
       AND e.purpose = about.purpose
       AND e.recorded_at < m.claimed_at
     ORDER BY CASE e.purpose WHEN 'marketing' THEN e.occurred_at ELSE e.recorded_at END DESC
     LIMIT 1
 ) AS last_word
 WHERE m.direction = 'outbound'
   AND about.purpose IN ('all', m.purpose)
   AND m.purpose <> 'keyword'
   AND m.claimed_at IS NOT NULL
   AND last_word.action = 'revoke'
"""


def _sends_after_opt_out(tx: Tx) -> int:
    return tx.value(_SENDS_AFTER_OPT_OUT, {})


def _opt_outs_obeyed(tx: Tx, _now: datetime) -> Finding:
    sends = _sends_after_opt_out(tx)
    return Finding(sends == 0, f"{sends} messages were claimed after their contact's opt-out")


def _complaints_directed(_tx: Tx, now: datetime) -> Finding:
    trial = overview(SPECIMEN, (), {}, Reach("privacy@example.com", "support@example.com"), now).decode()
    wanted = ("privacy@example.com", "support@example.com", "data protection authority")
    missing = sum(words not in trial for words in wanted)
    return Finding(missing == 0, f"an export leaves out {missing} of whom to ask and where to complain")


_BEGUN_WITHIN = timedelta(hours=1)
_DONE_WITHIN = timedelta(
    hours=30
)  # an import that may bring somebody back is waited for, and forgotten within a day
_ERASURES = """
SELECT count(*) FILTER (WHERE state = 'waiting' AND requested_at < %(begun)s) AS waiting,
       count(*) FILTER (WHERE state = 'erasing' AND requested_at < %(done)s) AS unfinished,
       count(*) FILTER (WHERE state = 'done'
                          AND (EXISTS (SELECT 1
                                         FROM messages AS m
                                        WHERE m.organization_id = e.organization_id
                                          AND m.id = e.subject_id)
                               OR EXISTS (SELECT 1
                                            FROM conversations AS c
                                           WHERE c.organization_id = e.organization_id
                                             AND (c.id = e.subject_id OR c.contact_id = e.subject_id))
                               OR EXISTS (SELECT 1
                                            FROM consent_events AS v
                                           WHERE v.organization_id = e.organization_id
                                             AND v.contact_id = e.subject_id))) AS there
  FROM erasures AS e
"""


def _erased(tx: Tx, now: datetime) -> Finding:
    given = {"begun": now - _BEGUN_WITHIN, "done": now - _DONE_WITHIN}
    found = tx.dicts(_ERASURES, given)[0]
    return Finding(
        not any(found.values()),
        f"{found['waiting']} erasures have waited for more than an hour, {found['unfinished']} are not finished in time;"
        f" of {found['there']} that are done something is left",
    )


CLAUSES: Final = (
    Clause("P7.1", "Export on demand", _exports_made),
    Clause("P7.2", "Erasure on demand", _erased),
    Clause("P7.3", "Correction at any time", _corrections_written_down),
    Clause("P7.4", "STOP ends messages", _opt_outs_obeyed),
    Clause("P7.5", "Complaints have an address", _complaints_directed),
)
