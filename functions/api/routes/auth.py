"""Log in."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Door
from functions.api.limits import Body
from functions.api.problems import problems
from leadsrally.accounts.log_in import log_in

router = APIRouter(prefix="/v1/auth", tags=["auth"])


class Login(Body):
    email: str = Field(max_length=320, examples=["owner@example.com"])
    password: str = Field(max_length=1024, examples=["correct horse battery staple"])


class Token(BaseModel):
    access_token: str = Field(examples=["eyJhbGciOiJIUzI1NiIs…"])
    token_type: Literal["bearer"] = "bearer"  # noqa: S105  the standard's word (RFC 6750)
    expires_in: int = Field(description="Seconds until the token expires.", examples=[900])


@router.post("/login", responses=problems(401, 422))
def login(login: Login, door: Door) -> Token:
    """Exchange an e-mail address and a password for an access token of fifteen minutes."""
    logged_in = log_in(
        door.db, door.clock, door.settings.key("LEADSRALLY_TOKEN_KEY"), login.email, login.password
    )
    return Token(access_token=logged_in.access_token, expires_in=logged_in.expires_in)
