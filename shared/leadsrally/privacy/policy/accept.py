"""An owner accepts a version of the policy for the organisation: the evidence, once for each person and version."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Conflict, NotFound
from leadsrally.kit.ids import new_id
from leadsrally.privacy.policy.versions import versions


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Who accepted a version for the organisation, and when."""

    dated: str
    person_id: UUID
    accepted_at: datetime


_ACCEPTED: Final = """
SELECT document_version AS dated, user_id AS person_id, accepted_at
  FROM acceptances
 WHERE organization_id = %(organization_id)s
   AND document = 'privacy_policy'
 ORDER BY accepted_at DESC, id DESC
 LIMIT 100
"""


def acceptances(tx: Tx, organization_id: UUID) -> list[Acceptance]:
    """The newest hundred of the organisation, newest first."""
    return tx.all(Acceptance, _ACCEPTED, {"organization_id": organization_id})


_ACCEPT: Final = """
INSERT INTO acceptances (organization_id, id, user_id, document, document_version, accepted_at)
SELECT %(organization_id)s, %(id)s, %(user_id)s, 'privacy_policy', %(dated)s, %(now)s
 WHERE NOT EXISTS (SELECT 1
                     FROM acceptances
                    WHERE organization_id = %(organization_id)s
                      AND user_id = %(user_id)s
                      AND document = 'privacy_policy'
                      AND document_version = %(dated)s)
"""


def refuse_outdated(db: Database, dated: str) -> None:
    """Raise `Conflict` for a form that showed an older version than the newest published one, announced or in force.

    Whoever comes in accepts that one, so the 14 days of a change that is announced concern nobody who came later.
    """
    with db.across() as tx:
        published = versions(tx)
    if published and dated != published[-1].dated.isoformat():
        raise Conflict(
            "There is a newer version of the privacy policy. Load the page again and read it first.",
            code="policy_outdated",
        )


def accept(
    tx: Tx, organization_id: UUID, dated: date, *, person_id: UUID, actor: Actor, now: datetime
) -> None:
    """Harmless when repeated. Raises `NotFound` for a version that was never published."""
    if dated not in [version.dated for version in versions(tx)]:
        raise NotFound("There is no such version of the policy.", code="policy_version_not_found")
    row = {"organization_id": organization_id, "user_id": person_id, "dated": dated.isoformat()}
    if tx.run(_ACCEPT, {**row, "id": new_id(now), "now": now}):
        audit.record(tx, organization_id, actor, "policy.accepted", now=now)
