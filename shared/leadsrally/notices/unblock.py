"""Mail a person again whose mail came back: the block is lifted here at once, and at the provider by a job."""

from datetime import datetime
from uuid import UUID

from leadsrally.accounts import audit
from leadsrally.accounts.audit import Actor
from leadsrally.jobs.enqueue import enqueue
from leadsrally.jobs.types import Done, Job, Result
from leadsrally.kit.db import Tx
from leadsrally.notices.tell import Mailroom

_LIFT = """
UPDATE users
   SET mail_blocked_at = NULL, mail_blocked_because = NULL
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
   AND mail_blocked_at IS NOT NULL
"""


def unblock(tx: Tx, organization_id: UUID, user_id: UUID, *, by: UUID, now: datetime) -> bool:
    """Lift the block, for a mailbox that works again; returns whether there was one.

    After a change of the address nothing needs to be asked of the provider: a block goes with the address.
    """
    lifted = tx.run(_LIFT, {"organization_id": organization_id, "user_id": user_id}) > 0
    if lifted:
        enqueue(tx, organization_id, "notify", "allow", {"user_id": str(user_id)}, now=now)
        actor, target = Actor("person", by), ("user", user_id)
        audit.record(tx, organization_id, actor, "mail.unblocked", now=now, target=target)
    return lifted


_ADDRESS = """
SELECT email
  FROM users
 WHERE organization_id = %(organization_id)s
   AND id = %(user_id)s
   AND mail_blocked_at IS NULL
"""


def allow(room: Mailroom, job: Job) -> Result:
    """Have the provider forget that it suppresses the address. Raises `Unavailable` when it is away."""
    with room.db.tenant(job.organization_id) as tx:
        address = tx.value(
            _ADDRESS, {"organization_id": job.organization_id, "user_id": UUID(job.payload["user_id"])}
        )
    if address is not None:
        room.mailer.allow(address)
    return Done()
