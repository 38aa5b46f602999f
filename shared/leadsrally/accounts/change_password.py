"""Change one's password, knowing the old one."""

from uuid import UUID

from leadsrally.accounts import limits, passwords, store
from leadsrally.accounts.confirm import prove
from leadsrally.accounts.front_desk import FrontDesk
from leadsrally.accounts.set_password import set_password
from leadsrally.accounts.types import Person


def change_password(desk: FrontDesk, person: Person, session_id: UUID, current: str, new: str) -> None:
    """Set it and end every session of the person but this one.

    Raises `Forbidden` for a wrong old password, `Invalid` for no new one to be had here, `Limited` after too many
    tries, and `Conflict` when the account was changed in the same moment.
    """
    login = prove(desk, person, session_id, current)
    organization_id = person.organization_id
    with desk.db.tenant(organization_id) as tx:
        limits.give_back(tx, desk.hashes, limits.CONFIRM, str(session_id))
        name = store.organization(tx, organization_id).name
    passwords.refuse_weak(new, about=(person.email, name))
    password_hash = passwords.hash_password(new)
    with desk.db.tenant(organization_id) as tx:
        set_password(
            tx,
            organization_id,
            person.id,
            password_hash,
            version=login.version,
            because="password_changed",
            now=desk.clock(),
            besides=session_id,
        )
