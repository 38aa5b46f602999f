"""While an organisation leaves, its people are let in no more, but for owners, who can undo it."""

from uuid import UUID

from leadsrally.accounts.types import Role
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Forbidden

_LEAVING = """
SELECT state IN ('leaving', 'erasing', 'erased')
  FROM organizations
 WHERE id = %(organization_id)s
"""


def is_leaving(tx: Tx, organization_id: UUID) -> bool:
    """Whether its deletion was asked for, under way or done."""
    return tx.value(_LEAVING, {"organization_id": organization_id})


def leaving_account() -> Forbidden:
    return Forbidden(
        "This account is being deleted. An owner can undo that for thirty days, under Privacy & Account.",
        code="account_deleting",
    )


def refuse_leaving(tx: Tx, organization_id: UUID, role: Role) -> None:
    """Raise `Forbidden` for whoever is no owner while the organisation leaves."""
    if role != "owner" and is_leaving(tx, organization_id):
        raise leaving_account()
