"""Who is asking, what they may do, and the transaction that answers them.

Each request has a thread and an event loop of its own (handler.py), so what is asked here may block: FastAPI
would start another thread for each dependency that is no coroutine, a third of what a short request costs.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, params
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from leadsrally import runtime
from leadsrally.accounts import api_key, audit, callers, limits, tokens
from leadsrally.accounts.audit import Actor
from leadsrally.accounts.callers import Caller, Session
from leadsrally.accounts.leaving import leaving_account
from leadsrally.accounts.permissions import MAY, WHILE_LEAVING, Action
from leadsrally.accounts.types import Person, Visitor
from leadsrally.kit.db import Database, Tx
from leadsrally.kit.errors import Forbidden, Unauthenticated
from leadsrally.runtime import Runtime

_bearer = HTTPBearer(
    scheme_name="bearer",
    auto_error=False,
    description="An access token from `POST /v1/auth/login`, or an API key from `POST /v1/api-keys`.",
)
_LONGEST_DEVICE = 300


async def door() -> Runtime:
    return runtime.of("api")


Door = Annotated[Runtime, Depends(door)]


async def visitor(request: Request) -> Visitor:
    """The source of a request, by its connection: whoever sends a forwarding header can write what they like."""
    address = request.client.host if request.client else ""
    device = request.headers.get("user-agent", "").replace("\x00", "")[:_LONGEST_DEVICE]
    return Visitor(address or None, device)


Visiting = Annotated[Visitor, Depends(visitor)]


class Asking:
    """A known person and an open transaction of their organisation, committed when the answer is ready."""

    __slots__ = ("_open", "_tx", "action", "caller", "door")

    def __init__(self, caller: Caller, tx: Tx, door: Runtime, open_: ExitStack) -> None:
        self.action: Action | None = None  # what is asked for, once that is known
        self.caller = caller
        self.door = door
        self._tx: Tx | None = tx
        self._open = open_

    @property
    def person(self) -> Person:
        return self.caller.person

    @property
    def actor(self) -> Actor:
        """Whose name stands in the audit log."""
        return self.caller.actor

    @property
    def session(self) -> Session:
        """The log-in that is asked from, on a route for persons only."""
        if self.caller.session is None:
            raise RuntimeError("the route must ask for a person")
        return self.caller.session

    @property
    def tx(self) -> Tx:
        if self._tx is None:
            raise RuntimeError("its connection belongs to somebody else by now")
        return self._tx

    def outside(self) -> Database:
        """Commit and give the connection back, for a verb that takes its time or talks to others."""
        self._tx = None
        self._open.close()
        return self.door.db


async def asking(
    door: Door, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
) -> AsyncGenerator[Asking]:
    """Raises `Unauthenticated` without valid credentials, and for those whose person or session is no more.

    What was refused for want of a right is written down when all else of the request is undone.
    """
    if credentials is None:
        raise Unauthenticated("Log in first and send the access token.", code="token_missing")
    organization_id, recognise = _shown(door, credentials.credentials)
    asked: Asking | None = None
    try:
        with ExitStack() as open_:
            tx = open_.enter_context(door.db.tenant(organization_id))
            asked = Asking(recognise(tx, door.clock()), tx, door, open_)
            yield asked
    except Forbidden as refused:
        if asked is not None and refused.code not in _ASKS_FOR_MORE:
            _write_down(door, asked, refused)
        raise


# Refusals that no right is missing for, only another proof.
_ASKS_FOR_MORE = frozenset({"person_needed", "confirmation_needed", "account_deleting"})


def _write_down(door: Runtime, asked: Asking, refused: Forbidden) -> None:
    details = {"role": asked.person.role, "reason": refused.code}
    if asked.action is not None:
        details["action"] = asked.action
    organization_id, now = asked.person.organization_id, door.clock()
    with door.db.tenant(organization_id) as tx:
        audit.record(tx, organization_id, asked.actor, "permission.refused", now=now, details=details)


def _shown(door: Runtime, credential: str) -> tuple[UUID, Callable[[Tx, datetime], Caller]]:
    """The tenant that a credential names, and the one statement that tells whether it opens that door.

    An access token of a session, or an API key. Raises `Limited` for a key that asks too often.
    """
    if credential.startswith(api_key.PREFIX):
        key = api_key.read(credential)
        with door.db.tenant(key.organization_id) as tx:
            wait = callers.count_use(tx, door.hashes, key, door.clock())
        limits.refuse(wait)
        return key.organization_id, lambda tx, now: callers.by_api_key(tx, key, now)
    bearer = tokens.read(door.settings.key("LEADSRALLY_TOKEN_KEY"), credential, door.clock)
    return bearer.organization_id, lambda tx, now: callers.by_session(tx, bearer, now)


Asked = Annotated[Asking, Depends(asking, scope="function")]


@dataclass(frozen=True, slots=True)
class Permit:
    """Lets through whoever may do `action`."""

    action: Action
    person: bool  # a person who has logged in, and no API key
    confirmed: bool  # one who has shown within the last ten minutes who they are (A13)

    async def __call__(self, asked: Asked) -> None:
        """Raises `Forbidden` for others."""
        asked.action = self.action
        if asked.person.role not in MAY[self.action]:
            raise Forbidden("Your role does not allow this. Ask an owner for another role.", code="forbidden")
        if asked.caller.leaving and self.action not in WHILE_LEAVING:
            raise leaving_account()
        if self.action not in asked.caller.scopes:
            raise Forbidden("This token or key was not made for that.", code="scope_missing")
        if self.person and asked.caller.session is None:
            raise Forbidden("An API key cannot do this. Log in as a person.", code="person_needed")
        if self.confirmed and not asked.session.is_confirmed(asked.door.clock()):
            raise Forbidden(
                "Confirm that it is you, with your password or a code at POST /v1/auth/confirm, and try again.",
                code="confirmation_needed",
            )


def permit(action: Action, *, person: bool = False, confirmed: bool = False) -> params.Depends:
    """What a route needs, for its `dependencies`. Every route of the API that is not public has one.

    With `person` no API key is let through; with `confirmed` only who has shown lately who they are.
    """
    return Depends(Permit(action, person=person or confirmed, confirmed=confirmed))


@dataclass(frozen=True, slots=True)
class Known:
    """Somebody who may, before the transaction that answers them is open."""

    person: Person
    door: Runtime


@dataclass(frozen=True, slots=True)
class Recognition:
    """Who asks, if `permit` lets them through, looked up in a transaction that is closed again."""

    permit: Permit

    async def __call__(
        self, door: Door, credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)]
    ) -> Known:
        async with asynccontextmanager(asking)(door, credentials) as asked:
            await self.permit(asked)
            return Known(asked.person, door)


def known(action: Action, *, confirmed: bool = False) -> params.Depends:
    """For what has to be done before a transaction is open, since it asks an outside system: sealing a secret.

    Comes before `permit` in a route's `dependencies`, which opens one.
    """
    return Depends(Recognition(Permit(action, person=confirmed, confirmed=confirmed)))
