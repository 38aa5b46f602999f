"""The rows of what people are told, and of what became of it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from leadsrally.kit.db import Tx
from leadsrally.notices.types import RANK, Kind, MailReport, Matter, Notice, Recipient, State

_INSERT = """
INSERT INTO notices (
    organization_id, id, job_id, user_id, kind, about_id, address, language, state, rank, reason, created_at
)
VALUES (
    %(organization_id)s, %(id)s, %(job_id)s, %(user_id)s, %(kind)s, %(about_id)s, %(address)s, %(language)s,
    %(state)s, %(rank)s, %(reason)s, %(now)s
)
ON CONFLICT (organization_id, job_id, address) DO NOTHING
"""


def insert(
    tx: Tx,
    organization_id: UUID,
    job_id: UUID,
    kind: Kind,
    matter: Matter,
    recipient: Recipient,
    *,
    notice_id: UUID,
    now: datetime,
) -> None:
    """A row for one person, to be mailed; for one whose mail is blocked only shown in product."""
    state = State.WITHHELD if recipient.blocked else State.QUEUED
    tx.run(
        _INSERT,
        {
            "organization_id": organization_id,
            "id": notice_id,
            "job_id": job_id,
            "user_id": recipient.user_id,
            "kind": kind,
            "about_id": matter.about_id,
            "address": recipient.address,
            "language": matter.language,
            "state": state,
            "rank": RANK[state],
            "reason": "mail_blocked" if recipient.blocked else None,
            "now": now,
        },
    )


_EXIST = """
SELECT EXISTS (SELECT 1 FROM notices WHERE organization_id = %(organization_id)s AND job_id = %(job_id)s)
"""


def exist(tx: Tx, organization_id: UUID, job_id: UUID) -> bool:
    """Whether an earlier try of this job has already written down whom it tells."""
    return tx.value(_EXIST, {"organization_id": organization_id, "job_id": job_id})


_WAITING = """
SELECT id, user_id, kind, address, language, created_at
  FROM notices
 WHERE organization_id = %(organization_id)s
   AND job_id = %(job_id)s
   AND state = 'queued'
 ORDER BY id
"""


def waiting(tx: Tx, organization_id: UUID, job_id: UUID) -> list[Notice]:
    """Those of a job that are still to be mailed."""
    return tx.all(Notice, _WAITING, {"organization_id": organization_id, "job_id": job_id})


_WITHHOLD = """
UPDATE notices
   SET state = 'withheld', rank = %(rank)s, reason = %(reason)s
 WHERE organization_id = %(organization_id)s
   AND job_id = %(job_id)s
   AND state = 'queued'
   AND (%(of)s::uuid[] IS NULL OR id = ANY (%(of)s))
"""


def withhold(
    tx: Tx, organization_id: UUID, job_id: UUID, reason: str, *, of: Sequence[UUID] | None = None
) -> None:
    """Mail those that still wait no more: all of the job, or those named."""
    tx.run(
        _WITHHOLD,
        {
            "organization_id": organization_id,
            "job_id": job_id,
            "rank": RANK[State.WITHHELD],
            "reason": reason,
            "of": None if of is None else list(of),
        },
    )


# The provider's report may have been quicker than its answer to us, and says more.
_SETTLE = """
UPDATE notices
   SET state = CASE WHEN %(rank)s > rank THEN %(state)s ELSE state END,
       rank = greatest(rank, %(rank)s),
       reason = CASE WHEN %(rank)s > rank THEN %(reason)s ELSE reason END,
       provider_id = coalesce(provider_id, %(provider_id)s),
       taken_at = CASE WHEN %(state)s = 'taken' THEN coalesce(taken_at, %(now)s) ELSE taken_at END
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def settle(
    tx: Tx,
    organization_id: UUID,
    notice_id: UUID,
    state: State,
    *,
    provider_id: str | None = None,
    reason: str | None = None,
    now: datetime,
) -> None:
    """Write down what the provider answered."""
    tx.run(
        _SETTLE,
        {
            "organization_id": organization_id,
            "id": notice_id,
            "state": state,
            "rank": RANK[state],
            "provider_id": provider_id,
            "reason": reason,
            "now": now,
        },
    )


# -- what became of it --------------------------------------------------------------------------------------

_LOCK = """
SELECT true
  FROM notices
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
   FOR UPDATE
"""


def lock(tx: Tx, organization_id: UUID, notice_id: UUID) -> bool:
    """Have other reports of this notice wait until the transaction ends; False when there is no such notice."""
    return tx.value(_LOCK, {"organization_id": organization_id, "id": notice_id}) or False


_REMEMBER = """
INSERT INTO notice_events (organization_id, id, notice_id, event, reason, occurred_at, recorded_at)
VALUES (%(organization_id)s, %(id)s, %(notice_id)s, %(event)s, %(reason)s, %(occurred_at)s, %(now)s)
ON CONFLICT (organization_id, id) DO NOTHING
"""


def remember(tx: Tx, report: MailReport, *, now: datetime) -> bool:
    """Keep the report; False when it was told before."""
    return (
        tx.run(
            _REMEMBER,
            {
                "organization_id": report.organization_id,
                "id": report.id,
                "notice_id": report.notice_id,
                "event": report.event,
                "reason": report.reason,
                "occurred_at": report.occurred_at,
                "now": now,
            },
        )
        == 1
    )


# Times are facts and are noted whatever their order; the state goes one way.
_ADVANCE = """
UPDATE notices
   SET state = CASE WHEN %(rank)s > rank THEN %(state)s ELSE state END,
       rank = greatest(rank, %(rank)s),
       reason = CASE WHEN %(rank)s > rank THEN %(reason)s ELSE reason END,
       provider_id = coalesce(provider_id, %(provider_id)s),
       taken_at = coalesce(taken_at, %(at)s),
       delivered_at = CASE WHEN %(state)s = 'delivered' THEN coalesce(delivered_at, %(at)s) ELSE delivered_at END,
       returned_at = CASE WHEN %(rank)s > %(delivered)s THEN coalesce(returned_at, %(at)s) ELSE returned_at END
 WHERE organization_id = %(organization_id)s
   AND id = %(id)s
"""


def advance(tx: Tx, report: MailReport, state: State) -> None:
    """Note what the report says, as far as it ranks higher than what is known."""
    tx.run(
        _ADVANCE,
        {
            "organization_id": report.organization_id,
            "id": report.notice_id,
            "state": state,
            "rank": RANK[state],
            "delivered": RANK[State.DELIVERED],
            "provider_id": report.provider_id,
            "reason": report.reason,
            "at": report.occurred_at,
        },
    )


# Only the address that the mail went to: a person who has another one by now is not blocked for the old one.
_BLOCK_USER = """
UPDATE users AS u
   SET mail_blocked_at = %(now)s, mail_blocked_because = %(because)s
  FROM notices AS n
 WHERE n.organization_id = %(organization_id)s
   AND n.id = %(notice_id)s
   AND u.organization_id = n.organization_id
   AND u.id = n.user_id
   AND lower(u.email) = lower(n.address)
   AND u.mail_blocked_at IS NULL
"""

_BLOCK_SIGNUP = """
UPDATE signups AS s
   SET mail_blocked_at = %(now)s, mail_blocked_because = %(because)s
  FROM notices AS n
 WHERE n.organization_id = %(organization_id)s
   AND n.id = %(notice_id)s
   AND n.kind = 'verify_signup'
   AND s.organization_id = n.organization_id
   AND s.id = n.about_id
   AND s.mail_blocked_at IS NULL
"""

_BLOCK_INVITATION = """
UPDATE invitations AS i
   SET mail_blocked_at = %(now)s, mail_blocked_because = %(because)s
  FROM notices AS n
 WHERE n.organization_id = %(organization_id)s
   AND n.id = %(notice_id)s
   AND n.kind = 'invitation'
   AND i.organization_id = n.organization_id
   AND i.id = n.about_id
   AND i.mail_blocked_at IS NULL
"""


def block(tx: Tx, report: MailReport, *, now: datetime) -> bool:
    """Send no more to whom this mail went, whoever that is; returns whether that is news."""
    params = {
        "organization_id": report.organization_id,
        "notice_id": report.notice_id,
        "because": report.blocks,
        "now": now,
    }
    # In this order, because most mails go to users; a notice is about one of the three.
    return any(tx.run(sql, params) for sql in (_BLOCK_USER, _BLOCK_SIGNUP, _BLOCK_INVITATION))
