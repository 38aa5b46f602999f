"""Who is asking, and the transaction that answers them."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from leadsrally import runtime
from leadsrally.accounts import store, tokens
from leadsrally.accounts.types import Person
from leadsrally.kit.db import Tx
from leadsrally.kit.errors import Forbidden, Unauthenticated
from leadsrally.runtime import Runtime

_bearer = HTTPBearer(auto_error=False, description="Access token from POST /v1/auth/login")


def door() -> Runtime:
    return runtime.of("api")


Door = Annotated[Runtime, Depends(door)]


@dataclass(frozen=True, slots=True)
class Asking:
    """A known person and an open transaction of their organisation, committed when the answer is ready."""

    person: Person
    tx: Tx
    door: Runtime


def asking(
    door: Door, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> Generator[Asking]:
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


def may_write(asked: Asking) -> None:
    """Viewers look only."""
    if asked.person.role == "viewer":
        raise Forbidden("Your role lets you read only. Ask an owner for another role.", code="read_only")
