"""Get in, stay in, get out."""

from typing import Literal

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field

from functions.api.asking import Asked, Door, Visiting, permit
from functions.api.browser import Browsing
from functions.api.limits import Body
from functions.api.problems import problems
from leadsrally.accounts import sessions
from leadsrally.accounts.front_desk import Tokens
from leadsrally.accounts.log_in import Attempt, log_in
from leadsrally.accounts.refresh import refresh as turn
from leadsrally.kit.errors import Unauthenticated


async def unstored(answer: Response) -> None:
    """What holds a token is kept by no cache (RFC 6749 section 5.1)."""
    answer.headers["cache-control"] = "no-store"


router = APIRouter(prefix="/v1/auth", tags=["auth"], dependencies=[Depends(unstored)])

Kind = Literal["browser", "client"]


class Login(Body):
    email: str = Field(max_length=320, examples=["owner@example.com"])
    password: str = Field(max_length=1024, examples=["correct horse battery staple"])
    session: Kind = Field(
        default="client",
        description="`browser`: the refresh token comes in a cookie; `client`: in the body.",
    )


class Token(BaseModel):
    access_token: str = Field(examples=["eyJhbGciOiJIUzI1NiIs…"])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  the standard's word (RFC 6750)
    expires_in: int = Field(description="Seconds until the access token expires.", examples=[900])
    refresh_token: str | None = Field(
        default=None,
        description="Good for one use at `/v1/auth/refresh`; null for a browser, which keeps it in a cookie.",
        examples=["lrr_AZ_qf…"],
    )


class Refresh(Body):
    refresh_token: str | None = Field(
        default=None,
        max_length=2048,
        description="Leave it out in a browser: the cookie brings it.",
        examples=["lrr_AZ_qf…"],
    )


class Logout(Body):
    everywhere: bool = Field(default=False, description="End all sessions of this person, not only this one.")


@router.post("/login", responses=problems(401, 403, 409, 422, 429))
def login(login: Login, door: Door, visitor: Visiting, browser: Browsing) -> Token:
    """Exchange an e-mail address and a password for an access token of fifteen minutes and a refresh token."""
    if login.session == "browser":
        browser.refuse_foreign()
    attempt = Attempt(login.email, login.password, login.session)
    return _handed(log_in(door.front_desk, attempt, visitor), login.session, browser)


@router.post("/refresh", responses=problems(401, 403, 422, 429))
def refresh(door: Door, visitor: Visiting, browser: Browsing, given: Refresh | None = None) -> Token:
    """Exchange a refresh token for the next one, and a fresh access token.

    A token that was exchanged before ends its session, unless it is the last one and its answer may have been
    lost: within ten seconds it is taken once more.
    """
    in_body = given.refresh_token if given else None
    token, kind = (in_body, "client") if in_body is not None else (browser.token(), "browser")
    if token is None:
        raise Unauthenticated("Log in first.", code="token_missing")
    return _handed(turn(door.front_desk, token, kind, visitor), kind, browser)


@router.post(
    "/logout",
    status_code=204,
    dependencies=[permit("me.edit", person=True)],
    responses=problems(401, 403, 422),
)
def logout(asked: Asked, browser: Browsing, given: Logout | None = None) -> None:
    """End the session that is asked from, or all sessions of the person: their tokens are dead at once."""
    person, now = asked.person, asked.door.clock()
    if given is not None and given.everywhere:
        sessions.end_all(
            asked.tx, person.organization_id, person.id, "logged_out", actor=asked.actor, now=now
        )
    else:
        sessions.end(
            asked.tx, person.organization_id, asked.session.id, "logged_out", actor=asked.actor, now=now
        )
    browser.forget()


def _handed(tokens: Tokens, kind: Kind, browser: Browsing) -> Token:
    token = Token(access_token=tokens.access_token, expires_in=tokens.expires_in)
    if kind == "browser":
        browser.keep(tokens.refresh_token)
    else:
        token.refresh_token = tokens.refresh_token
    return token
