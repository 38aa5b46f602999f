"""What the verbs need that let people in: time, keys, and a database they open short transactions on.

They compare passwords, which takes a quarter of a second, so none of them holds a transaction meanwhile.
"""

from dataclasses import dataclass, field
from uuid import UUID

from leadsrally.accounts import limits, tokens
from leadsrally.accounts.limits import Limit
from leadsrally.accounts.permissions import scopes_of
from leadsrally.accounts.refresh_tokens import RefreshToken
from leadsrally.accounts.types import Role, Visitor
from leadsrally.kit.clock import Clock
from leadsrally.kit.crypto import KeyedHash, Vault
from leadsrally.kit.db import Database


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a session hands out each time it is used."""

    access_token: str = field(repr=False)
    expires_in: int  # seconds
    refresh_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class FrontDesk:
    db: Database
    clock: Clock
    hashes: KeyedHash
    vault: Vault
    token_key: bytes = field(repr=False)
    link_key: bytes = field(repr=False)

    def tokens(self, user_id: UUID, role: Role, refresh_token: RefreshToken) -> Tokens:
        """Fresh tokens of a session, good for what the person's role may do now."""
        bearer = tokens.Bearer(
            refresh_token.organization_id, user_id, refresh_token.session_id, scopes_of(role)
        )
        return Tokens(
            tokens.issue(self.token_key, bearer, self.clock),
            int(tokens.LIFETIME.total_seconds()),
            refresh_token.spell(self.token_key),
        )


def count_try(desk: FrontDesk, limit: Limit, subject: str) -> None:
    """Count one try, whatever becomes of it. Raises `Limited` for one too many."""
    with desk.db.across() as tx:
        wait = limits.spend(tx, desk.hashes, limit, subject, desk.clock())
    limits.refuse(wait)


def count_link(desk: FrontDesk, visitor: Visitor) -> None:
    """Count that a link was followed from there. Raises `Limited` after too many."""
    count_try(desk, limits.LINK_SOURCE, visitor.network)
