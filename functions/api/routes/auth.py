"""Get in, stay in, get out."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, Door, Visiting, permit
from functions.api.browser import Browsing
from functions.api.limits import Body, Line
from functions.api.problems import problems
from leadsrally.accounts import sessions
from leadsrally.accounts.accept_invitation import Acceptance, accept_invitation
from leadsrally.accounts.change_email import change_email
from leadsrally.accounts.confirm import confirm as confirm_person
from leadsrally.accounts.front_desk import Tokens
from leadsrally.accounts.log_in import Attempt, log_in
from leadsrally.accounts.refresh import refresh as turn
from leadsrally.accounts.request_reset import request_reset
from leadsrally.accounts.reset_password import reset_password
from leadsrally.accounts.sign_up import SignUp, sign_up
from leadsrally.accounts.types import Language
from leadsrally.accounts.verify_sign_up import verify_sign_up
from leadsrally.kit.errors import Unauthenticated
from leadsrally.privacy.policy.accept import refuse_outdated

router = APIRouter(prefix="/v1/auth", tags=["auth"])

Kind = Literal["browser", "client"]


Email = Annotated[str, Field(max_length=320, examples=["owner@example.com"])]
Password = Annotated[str, Field(max_length=1024, examples=["correct horse battery staple"])]
LinkToken = Annotated[
    str,
    Field(max_length=200, description="What stands behind `#` in the link of the mail.", examples=["AZ_qf…"]),
]
Version = Annotated[
    str, Field(min_length=1, max_length=40, pattern=r"^[0-9A-Za-z.-]+$", examples=["2026-04-17"])
]


class Attested(Body):
    """What everybody attests and accepts who comes in."""

    business_use: bool = Field(description="You attest that this is for a business.")
    age_16: bool = Field(description="You attest that you are 16 years old or more.")
    terms_version: Version = Field(description="The terms that were shown and accepted.")
    policy_version: Version = Field(description="The privacy policy that was shown and accepted.")


class NewCustomer(Attested):
    organization_name: Line = Field(min_length=1, max_length=200, examples=["Harbour Bikes"])
    email: Email
    password: Password = Field(description="10 characters or more, at most 72 bytes of UTF-8.")
    time_zone: str = Field(
        default="UTC", max_length=64, description="Of the IANA database.", examples=["America/New_York"]
    )
    country: str = Field(
        default="US",
        min_length=2,
        max_length=2,
        description="Region of numbers that are written without a country code, by ISO 3166.",
        examples=["US"],
    )
    language: Language = Field(default="en", description="Of our mails.")


class NewMember(Attested):
    token: LinkToken
    password: Password = Field(description="10 characters or more, at most 72 bytes of UTF-8.")


class OnItsWay(BaseModel):
    status: Literal["on_its_way"] = Field(default="on_its_way", description="A mail says how to go on.")


class Verified(BaseModel):
    status: Literal["verified", "already_verified"]


class Follow(Body):
    token: LinkToken


class Login(Body):
    email: Email
    password: Password
    code: str | None = Field(
        default=None,
        max_length=40,
        description="Of the app, or one of the recovery codes, where a second factor is set up.",
        examples=["492039"],
    )
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


class Forgot(Body):
    email: Email


class Reset(Body):
    token: LinkToken
    password: Password


class Proof(Body):
    """One of the two."""

    password: str | None = Field(default=None, max_length=1024, examples=["correct horse battery staple"])
    code: str | None = Field(
        default=None,
        max_length=40,
        description="Of the app, or one of the recovery codes, where a second factor is set up.",
        examples=["492039"],
    )


class Confirmed(BaseModel):
    confirmed_until: datetime


@router.post("/signup", status_code=202, responses=problems(409, 422, 429))
def signup(wanted: NewCustomer, door: Door, visitor: Visiting) -> OnItsWay:
    """Sign an organisation up. A mail goes to the address, with a link that counts for a day.

    The answer is the same for an address that has an account already: its owner is told so by mail.
    """
    refuse_outdated(door.db, wanted.policy_version)
    sign_up(door.front_desk, SignUp(**wanted.model_dump()), visitor)
    return OnItsWay()


@router.post("/verify", responses=problems(404, 409, 422, 429))
def verify(link: Follow, door: Door, visitor: Visiting) -> Verified:
    """Prove the address of a sign-up. The organisation is active from then on, and its owner can log in."""
    return Verified(status=verify_sign_up(door.front_desk, link.token, visitor))


@router.post("/accept", status_code=204, responses=problems(404, 409, 429))
def accept(new: NewMember, door: Door, visitor: Visiting) -> None:
    """Accept an invitation, by the link of the last week. The new member can log in from then on."""
    refuse_outdated(door.db, new.policy_version)
    accept_invitation(door.front_desk, Acceptance(**new.model_dump()), visitor)


@router.post("/login", responses=problems(401, 403, 409, 422, 429))
def login(login: Login, door: Door, visitor: Visiting, browser: Browsing) -> Token:
    """Exchange an e-mail address and a password for an access token of fifteen minutes and a refresh token.

    Who has a second factor is asked for its code: `second_factor_required` means to send all three.
    """
    if login.session == "browser":
        browser.refuse_foreign()
    attempt = Attempt(login.email, login.password, login.code, login.session)
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


@router.post("/forgot", status_code=202, responses=problems(422, 429))
def forgot(given: Forgot, door: Door, visitor: Visiting) -> OnItsWay:
    """Ask for a link to set a new password. The answer is the same whether the address has an account or not."""
    request_reset(door.front_desk, given.email, visitor)
    return OnItsWay()


@router.post("/reset", status_code=204, responses=problems(404, 409, 422, 429))
def reset(given: Reset, door: Door, visitor: Visiting) -> None:
    """Set a new password, by the link of the last hour. Every session of the person ends."""
    reset_password(door.front_desk, given.token, given.password, visitor)


@router.post("/email", status_code=204, responses=problems(404, 409, 422, 429))
def email(link: Follow, door: Door, visitor: Visiting) -> None:
    """Prove a new address, by the link of the last day. Every session of the person ends."""
    change_email(door.front_desk, link.token, visitor)


@router.post(
    "/confirm", dependencies=[permit("me.read", person=True)], responses=problems(401, 403, 422, 429)
)
def confirm(proof: Proof, asked: Asked) -> Confirmed:
    """Show again who you are. For ten minutes the session may do what asks for a confirmation."""
    session = asked.session
    asked.outside()
    until = confirm_person(
        asked.door.front_desk, asked.person, session.id, password=proof.password, code=proof.code
    )
    return Confirmed(confirmed_until=until)


def _handed(tokens: Tokens, kind: Kind, browser: Browsing) -> Token:
    token = Token(access_token=tokens.access_token, expires_in=tokens.expires_in)
    if kind == "browser":
        browser.keep(tokens.refresh_token)
    else:
        token.refresh_token = tokens.refresh_token
    return token
