"""Who is asking, what they may do, and the transaction that answers them.

Each request has a thread and an event loop of its own (handler.py), so what is asked here may block: FastAPI
would start another thread for each dependency that is no coroutine, a third of what a short request costs.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, params
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from leadsrally import runtime
from leadsrally.accounts import store, tokens
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.permissions import MAY, Action
from leadsrally.accounts.types import Person
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Forbidden, Unauthenticated
from leadsrally.runtime import Runtime

_bearer = HTTPBearer(auto_error=False, description="Access token from POST /v1/auth/login")


async def door() -> Runtime:
    return runtime.of("api")


Door = Annotated[Runtime, Depends(door)]


@dataclass(frozen=True, slots=True)
class Asking:
    """A known person and an open transaction of their organisation, committed when the answer is ready."""

    person: Person
    tx: Tx
    door: Runtime

    @property
    def actor(self) -> Actor:
        """Whose name stands in the audit log."""
        return Actor("person", self.person.id)


async def asking(
    door: Door, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> AsyncGenerator[Asking]:
    """Raises `Unauthenticated` without a valid token, and for a person who was removed since it was issued."""
    if credentials is None:
        raise Unauthenticated("Log in first and send the access token.", code="token_missing")
    bearer = tokens.read(door.settings.key("LEADSRALLY_TOKEN_KEY"), credentials.credentials, door.clock)
    with door.db.tenant(bearer.organization_id) as tx:
        person = store.person(tx, bearer.organization_id, bearer.user_id)
        if person is None:
            raise Unauthenticated("Log in again: this account is gone.", code="account_gone")
        yield Asking(person, tx, door)


Asked = Annotated[Asking, Depends(asking, scope="function")]


@dataclass(frozen=True, slots=True)
class Permit:
    """Lets through whoever may do `action`. Raises `Forbidden` for others."""

    action: Action

    async def __call__(self, asked: Asked) -> None:
        if asked.person.role not in MAY[self.action]:
            raise Forbidden("Your role does not allow this. Ask an owner for another role.", code="forbidden")


def permit(action: Action) -> params.Depends:
    """What a route needs, for its `dependencies`. Every route of the API that is not public has one."""
    return Depends(Permit(action))
