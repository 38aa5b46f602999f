"""The Messages resource over REST, as the SDK calls it."""

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.simulators.twilio.accounts import TwilioAccount
from infra.simulators.twilio.errors import Refused
from infra.simulators.twilio.forms import form_of
from infra.simulators.twilio.messages import API_VERSION, MessageBook, MessageRecord, now, rfc2822
from infra.simulators.twilio.sending import Sender

BASE = f"/{API_VERSION}/Accounts/{{account_sid}}"

# What test credentials may call: https://www.twilio.com/docs/iam/test-credentials
_OPEN_TO_TESTS = ("/Messages.json", "/IncomingPhoneNumbers.json", "/Calls.json")


def authenticated(accounts: Mapping[str, TwilioAccount], request: Request) -> TwilioAccount:
    """The account in the path, if the Basic credentials are its own."""
    account = accounts.get(request.path_params["account_sid"])
    username, password = _basic(request.headers.get("authorization", ""))
    if account is None or not account.authenticates(username, password):
        raise Refused(20003)
    if account.test_credentials and not (
        request.method == "POST" and request.url.path.endswith(_OPEN_TO_TESTS)
    ):
        raise Refused(20008)
    return account


def _basic(header: str) -> tuple[str, str]:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        username, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return username, password


def routes(
    accounts: Mapping[str, TwilioAccount],
    book: MessageBook,
    sender: Sender,
    forget_files: Callable[[str, str], None],
) -> list[Route]:
    async def account_resource(request: Request) -> Response:
        account = authenticated(accounts, request)
        return JSONResponse(
            {
                "sid": account.sid,
                "owner_account_sid": account.sid,
                "friendly_name": "Simulated account",
                "status": account.status,
                "type": account.type,
                "auth_token": account.auth_token,
                "date_created": rfc2822(now()),
                "date_updated": rfc2822(now()),
                "subresource_uris": {},
                "uri": f"/{API_VERSION}/Accounts/{account.sid}.json",
            }
        )

    async def create(request: Request) -> Response:
        account = authenticated(accounts, request)
        return JSONResponse(sender.accept(account, await form_of(request)).as_json(), 201)

    async def list_(request: Request) -> Response:
        account = authenticated(accounts, request)
        return JSONResponse(_page(request, account, book))

    async def one(request: Request) -> Response:
        account = authenticated(accounts, request)
        message = book.get(account.sid, request.path_params["sid"])
        if message is None:
            raise Refused(20404, request.url.path)
        match request.method:
            case "POST":
                form = await form_of(request)
                _change(message, form.one("Body"), form.one("Status"))
            case "DELETE":
                if not message.final:
                    raise Refused(20009)
                book.remove(message.sid)
                forget_files(account.sid, message.sid)
                return Response(status_code=204)
        return JSONResponse(message.as_json())

    return [
        Route(f"{BASE}.json", account_resource, methods=["GET"]),
        Route(f"{BASE}/Messages.json", create, methods=["POST"]),
        Route(f"{BASE}/Messages.json", list_, methods=["GET"]),
        Route(f"{BASE}/Messages/{{sid}}.json", one, methods=["GET", "POST", "DELETE"]),
    ]


def _change(message: MessageRecord, body: str | None, status: str | None) -> None:
    """Redact with an empty body, or cancel what is only scheduled; nothing else can be changed."""
    if body:
        raise Refused(20001, "Body can only be redacted: send it empty.")
    if status is not None:
        if status != "canceled":
            raise Refused(20001, "Status can only become canceled.")
        if message.status != "scheduled":
            raise Refused(30409)
        message.advance("canceled")
    if body is not None:
        message.body = ""
        message.updated = now()


def _page(request: Request, account: TwilioAccount, book: MessageBook) -> dict[str, Any]:
    """A page and the way to the next. The token is a position, so deleting while paging skips nothing.

    https://www.twilio.com/docs/usage/twilios-response#pagination
    """
    query = request.query_params
    size = min(max(whole(query.get("PageSize", "50")), 1), 1000)
    number = whole(query.get("Page", "0"))
    before = whole(query["PageToken"].removeprefix("PA")) if "PageToken" in query else None
    wanted = _filter(request)
    found = list(_first(size + 1, book.newest_first(account.sid), before, wanted))
    shown, more = found[:size], len(found) > size
    path = f"/{API_VERSION}/Accounts/{account.sid}/Messages.json"
    kept = {key: value for key, value in query.items() if key not in {"Page", "PageToken", "PageSize"}}

    def uri(page: int, **extra: str) -> str:
        return f"{path}?{urlencode({**kept, 'PageSize': size, 'Page': page, **extra})}"

    return {
        "messages": [message.as_json() for message in shown],
        "page": number,
        "page_size": size,
        "start": number * size,
        "end": number * size + max(len(shown) - 1, 0),
        "uri": uri(number),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1, PageToken=f"PA{shown[-1].sequence}") if more else None,
        "previous_page_uri": uri(number - 1) if number else None,
    }


def whole(text: str) -> int:
    """A whole number out of a query, or the provider's refusal."""
    if not text.isdecimal():
        raise Refused(20001, f"{text} is not a number.")
    return int(text)


def _first(
    count: int,
    messages: Iterator[MessageRecord],
    before: int | None,
    wanted: Callable[[MessageRecord], bool],
) -> Iterator[MessageRecord]:
    for message in messages:
        if count == 0:
            return
        if (before is None or message.sequence < before) and wanted(message):
            count -= 1
            yield message


def _filter(request: Request) -> Callable[[MessageRecord], bool]:
    query = request.query_params
    to, sender = query.get("To"), query.get("From")
    day = _moment(query["DateSent"]) if "DateSent" in query else None
    latest = _moment(query["DateSent<"]) if "DateSent<" in query else None
    earliest = _moment(query["DateSent>"]) if "DateSent>" in query else None

    def wanted(message: MessageRecord) -> bool:
        at = message.sent or message.created
        return (
            (to is None or message.to == to)
            and (sender is None or message.sender == sender)
            and (day is None or day <= at < day + timedelta(days=1))
            and (latest is None or at <= latest)
            and (earliest is None or at >= earliest)
        )

    return wanted


def _moment(text: str) -> datetime:
    """A date means its midnight, in UTC like everything at the provider."""
    try:
        if len(text) == len("2026-11-23"):
            return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
        at = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(20001, f"Invalid DateSent {text}") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
