"""Ask for a link with which a forgotten password is replaced.

The answer is the same for an address that has an account and for one that has none, and so are the round trips
and the bell behind it (A7).
"""

from datetime import timedelta

from leadsrally.accounts import limits, store
from leadsrally.accounts.front_desk import FrontDesk
from leadsrally.accounts.types import Visitor
from leadsrally.jobs.enqueue import enqueue, pretend
from leadsrally.kit.ids import new_id

LIFETIME = timedelta(hours=1)

_REQUEST = """
INSERT INTO password_resets (organization_id, id, user_id, created_at, expires_at)
SELECT %(organization_id)s, %(id)s, %(user_id)s, %(now)s, %(expires_at)s
 WHERE %(user_id)s::uuid IS NOT NULL
"""


def request_reset(desk: FrontDesk, email: str, visitor: Visitor) -> None:
    """Send a link to the person with this address, if there is one. Raises `Limited` after too many tries."""
    account = email.strip().lower()
    owner = store.login_by_email(desk.db, account)
    now = desk.clock()
    organization_id = owner.organization_id if owner else new_id(now)  # nobody's
    reset_id = new_id(now)
    with desk.db.tenant(organization_id) as tx:
        wait = limits.spend(tx, desk.hashes, limits.FORGOT_SOURCE, visitor.network, now)
        wait = wait or limits.spend(tx, desk.hashes, limits.FORGOT_ADDRESS, account, now)
        if wait is None:
            tx.run(
                _REQUEST,
                {
                    "organization_id": organization_id,
                    "id": reset_id,
                    "user_id": owner.id if owner else None,
                    "now": now,
                    "expires_at": now + LIFETIME,
                },
            )
            if owner is None:
                pretend(tx, "notify", now=now)
            else:
                enqueue(tx, organization_id, "notify", "reset_password", {"reset_id": str(reset_id)}, now=now)
    limits.refuse(wait)
