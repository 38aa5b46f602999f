"""What a new password brings with it, whichever way it came: what the old one opened is closed (A4)."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from leadsrally.accounts import audit, sessions
from leadsrally.accounts.audit import Actor, AuditAction
from leadsrally.jobs.enqueue import enqueue
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Conflict

_SET = """
UPDATE users
   SET password_hash = %(password_hash)s, version = version + 1
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
   AND version = %(version)s
"""
# Links that are still in some mailbox: whoever asked for them may be whom the new password is to keep out.
_VOID = """
WITH resets AS (
    UPDATE password_resets
       SET used_at = %(now)s
     WHERE organization_id = %(organization_id)s
       AND user_id = %(user_id)s
       AND used_at IS NULL
)
UPDATE email_changes
   SET used_at = %(now)s
 WHERE organization_id = %(organization_id)s
   AND user_id = %(user_id)s
   AND used_at IS NULL
"""


def set_password(
    tx: Tx,
    organization_id: UUID,
    user_id: UUID,
    password_hash: str,
    *,
    version: int,
    because: Literal["password_changed", "password_reset"],
    now: datetime,
    besides: UUID | None = None,
) -> None:
    """Set it, void what links are out, end every session but `besides`, write it down and tell the person.

    Raises `Conflict` when the account is not the one any more that `version` speaks of.
    """
    person = {"organization_id": organization_id, "user_id": user_id}
    if not tx.run(_SET, {**person, "password_hash": password_hash, "version": version}):
        raise Conflict("The account was changed in this moment. Try again.", code="account_changed")
    void_links(tx, organization_id, user_id, now=now)
    action: AuditAction = "password.reset" if because == "password_reset" else "password.changed"
    actor = Actor("person", user_id)
    audit.record(tx, organization_id, actor, action, now=now, target=("user", user_id))
    sessions.end_all(tx, organization_id, user_id, because, actor=actor, now=now, besides=besides)
    enqueue(tx, organization_id, "notify", "password_changed", {"user_id": str(user_id)}, now=now)


def void_links(tx: Tx, organization_id: UUID, user_id: UUID, *, now: datetime) -> None:
    """No link that was mailed to or for this person opens anything any more."""
    tx.run(_VOID, {"organization_id": organization_id, "user_id": user_id, "now": now})
