"""How a browser stays logged in: the refresh token in a cookie that no script reads and no other site can use.

docs/decisions/0010 says why the cookie is as it is. `__Host-` and SameSite: RFC 6265bis sections 4.1.3 and 5.6.7;
Sec-Fetch-Site: https://www.w3.org/TR/fetch-metadata/
"""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import Depends, Header, Request, Response

from functions.api.asking import Door
from leadsrally.accounts.sessions import LONGEST
from leadsrally.kit.errors import Forbidden, Misconfigured
from leadsrally.runtime import Runtime

COOKIE = "__Host-leadsrally_refresh"


class Browser:
    """A browser and its cookie."""

    def __init__(self, door: Runtime, request: Request, answer: Response, mark: str | None) -> None:
        self._door = door
        self._request = request
        self._answer = answer
        self._mark = mark

    def token(self) -> str | None:
        """The refresh token that it brings. Raises `Forbidden` when another site has it ask."""
        token = self._request.cookies.get(COOKIE)
        if token is not None:
            self.refuse_foreign()
        return token

    def keep(self, refresh_token: str) -> None:
        """Have it bring this token from now on."""
        self._answer.set_cookie(
            COOKIE,
            refresh_token,
            max_age=int(LONGEST.total_seconds()),
            path="/",
            secure=True,
            httponly=True,
            samesite="strict",
        )

    def forget(self) -> None:
        self._answer.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="strict")

    def refuse_foreign(self) -> None:
        """Raises `Forbidden` unless it is our own app that has it ask: nobody uses or plants a cookie (A10)."""
        headers = self._request.headers
        ours = headers.get("origin") == _origin(self._door)
        site = headers.get("sec-fetch-site", "same-origin")  # browsers of before 2023 do not send it
        if not ours or site != "same-origin" or self._mark is None:
            raise Forbidden(
                "A browser's session is used from the app itself, with the header LeadsRally-App.",
                code="foreign_origin",
            )


def _origin(door: Runtime) -> str:
    """Where the app lives, as browsers spell an origin. Raises `Misconfigured` for an address in clear text."""
    address = urlsplit(door.settings.required("LEADSRALLY_APP_URL"))
    if door.settings.production and address.scheme != "https":
        raise Misconfigured("LEADSRALLY_APP_URL must begin with https:// in production.")
    return f"{address.scheme}://{address.netloc}".lower()


async def browser(
    door: Door,
    request: Request,
    answer: Response,
    leadsrally_app: Annotated[
        str | None,
        Header(
            description="Anything; needed with a cookie, since no form and no link of another site sends it."
        ),
    ] = None,
) -> Browser:
    return Browser(door, request, answer, leadsrally_app)


Browsing = Annotated[Browser, Depends(browser)]
