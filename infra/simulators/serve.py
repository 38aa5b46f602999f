"""All simulators behind one address, for the one-process host; or alone: `python -m infra.simulators.serve`.

{base}/twilio   {base}/meta   {base}/anthropic   {base}/resend   {base}/sentry
{base}/phones and {base}/mailbox are pages for people
"""

import argparse
from collections.abc import Iterable, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp

from infra.simulators.anthropic import AnthropicSimulator
from infra.simulators.connections import exposing_transport
from infra.simulators.meta import MetaApp, MetaSimulator, User
from infra.simulators.production import refuse_in_production
from infra.simulators.resend import ResendSimulator
from infra.simulators.running import Running
from infra.simulators.sentry import SentrySimulator
from infra.simulators.twilio import Limits, TwilioAccount, TwilioNumber, TwilioSimulator

__all__ = ["Running", "TwilioAccount", "TwilioNumber", "mount"]

BASE_PATH = "/simulators"

_PAGE = Path(__file__).parent / "page"
_PAGES = ("phones", "mailbox")
_FILES = (
    *("page.css", "phones.html", "phones.css", "phones.js", "whatsapp.js", "leads.js"),
    *("mailbox.html", "mailbox.css", "mailbox.js"),
)
_HEADERS = {
    # A page needs nothing but its own files and the simulators beside it.
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'; base-uri 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def mount(
    accounts: Iterable[TwilioAccount],
    phones: Iterable[str] = (),
    *,
    api_keys: Iterable[str] | None = None,
    callback_delay: float = 0.05,
    limits: Limits | None = None,
    reach: Mapping[str, str] | None = None,
    apps: Iterable[MetaApp] = (),
    people: Iterable[str | User] = (),
    meta_base: str = "",
    resend: ResendSimulator | None = None,
    others: Mapping[str, ASGIApp] | None = None,
    base_path: str = BASE_PATH,
) -> Starlette:
    """One application with every simulator below `base_path`; mount it at the host's root.

    `api_keys` are the Anthropic keys it accepts (None: any). `apps` are Meta's, `people` have WhatsApp, `meta_base` is
    the address of the Meta simulator as others see it. `resend` takes the mail (None: one that accepts any key and tells
    nobody). `others` are further simulators by name, served at `{base_path}/{name}`. `app.state.twilio`, `.meta`,
    `.anthropic`, `.resend` and `.sentry` are the simulators themselves.
    """
    refuse_in_production()
    twilio = TwilioSimulator(accounts, phones, callback_delay=callback_delay, limits=limits, reach=reach)
    meta = MetaSimulator(apps, people, status_delay=callback_delay, reach=reach, base=meta_base)
    anthropic = AnthropicSimulator(api_keys)
    resend = resend or ResendSimulator()
    sentry = SentrySimulator()
    mounted: dict[str, ASGIApp] = {
        "twilio": twilio,
        "meta": meta,
        "anthropic": anthropic,
        "resend": resend,
        "sentry": sentry,
        **(others or {}),
    }
    routes: list[BaseRoute] = [Mount(f"{base_path}/{name}", app=app) for name, app in mounted.items()]
    routes += [Route(f"{base_path}/{{page:str}}", _page, methods=["GET"])]
    app = Starlette(routes=routes)
    app.state.twilio, app.state.meta, app.state.anthropic, app.state.sentry = twilio, meta, anthropic, sentry
    app.state.resend = resend
    return app


async def _page(request: Request) -> Response:
    name = request.path_params["page"]
    if name in _PAGES:
        name = f"{name}.html"
    if name not in _FILES:
        return Response(status_code=404)
    return FileResponse(_PAGE / name, headers=_HEADERS)


def main() -> None:
    """Serve one demo account, for trying the simulators without the rest of the house."""
    import uvicorn

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=8001)
    parser.add_argument("--account-sid", default="AC" + "0" * 31 + "1")
    parser.add_argument("--auth-token", default="simulated-auth-token")
    parser.add_argument("--number", action="append", help="a business number, with =URL for its webhook")
    parser.add_argument("--phone", action="append", help="a contact's phone number")
    given = parser.parse_args()
    numbers = [TwilioNumber(*entry.split("=", 1)) for entry in given.number or ["+15005550010"]]
    account = TwilioAccount(given.account_sid, given.auth_token, numbers=numbers)
    app = mount([account], given.phone or ["+15005550101", "+15005550102"])
    print(f"Mailbox: http://127.0.0.1:{given.port}{BASE_PATH}/mailbox")
    print(f"Phones: http://127.0.0.1:{given.port}{BASE_PATH}/phones")
    uvicorn.run(exposing_transport(app), host="127.0.0.1", port=given.port, log_level="warning")


if __name__ == "__main__":
    main()
