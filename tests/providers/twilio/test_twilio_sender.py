"""The sender against a server that answers as it is told, on a real socket."""

import contextlib
import io
import json
import logging
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.providers.twilio.sender import ATTENTION_SECONDS, TwilioSender
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.sending.types import Accepted, NotProcessed, OutboundMessage, Rejected, Sender, Unclear

ACCOUNT = "AC" + "0" * 31 + "1"
SID = "SM" + "0" * 31 + "1"
TOKEN = "canary-token-3f1c"
TEXT = OutboundMessage(
    message_id=UUID(int=7),
    recipient="+15005550010",
    sender="+15005550006",
    body="Hello Ann, canary-body",
    status_callback="https://hooks.example.test/webhooks/twilio/k/status?message=00000000-0000-0000-0000-000000000007",
)


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    form: dict[str, list[str]]


@dataclass
class FakeTwilio:
    """Answers with `status`, `headers` and `body`; `misbehave` takes the socket instead of answering."""

    status: int = 201
    headers: dict[str, str] = field(default_factory=dict)
    body: str = json.dumps({"sid": SID, "num_segments": "1", "status": "queued"})
    misbehave: Callable[[socket.socket], None] | None = None
    seen: list[Seen] = field(default_factory=list)
    pages: list[dict[str, Any]] = field(default_factory=list)
    base_url: str = ""


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    fake = FakeTwilio()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            form = parse_qs(self.rfile.read(length).decode(), keep_blank_values=True)
            fake.seen.append(Seen(self.command, self.path, dict(self.headers), form))
            if fake.misbehave is not None:
                self.close_connection = True
                fake.misbehave(self.connection)
                return
            status, body = fake.status, fake.body
            if self.command == "GET" and fake.pages:
                status, body = 200, json.dumps(fake.pages.pop(0))
            self.send_response(status)
            for name, value in fake.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_POST = do_GET = answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        fake.base_url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield fake
        server.shutdown()
        thread.join()


@pytest.fixture
def sender(twilio: FakeTwilio) -> Iterator[TwilioSender]:
    sender = TwilioSender(
        TwilioCredentials(ACCOUNT, (TOKEN,)), ACCOUNT, base_url=twilio.base_url, timeout=0.5
    )
    yield sender
    _, transport = sender._connect()
    transport._session.close()


def error(code: int, status: int) -> str:
    return json.dumps({"code": code, "message": "no +15005550010", "more_info": "", "status": status})


def test_an_accepted_message_names_its_id_and_segments(twilio: FakeTwilio, sender: TwilioSender) -> None:
    assert isinstance(sender, TwilioSender)
    protocol: Sender = sender
    assert protocol.send(TEXT) == Accepted(SID, 1)
    [request] = twilio.seen
    assert (request.method, request.path) == ("POST", f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json")
    assert request.form == {
        "To": [TEXT.recipient],
        "From": [TEXT.sender],
        "Body": [TEXT.body],
        "StatusCallback": [TEXT.status_callback],
    }


def test_S13_a_send_by_limit_becomes_the_validity_period(twilio: FakeTwilio, sender: TwilioSender) -> None:
    from dataclasses import replace

    sender.send(replace(TEXT, validity_seconds=120))
    assert twilio.seen[0].form["ValidityPeriod"] == ["120"]


def test_no_segments_yet_is_no_number(twilio: FakeTwilio, sender: TwilioSender) -> None:
    twilio.body = json.dumps({"sid": SID, "num_segments": "0"})
    assert sender.send(TEXT) == Accepted(SID, None)


@pytest.mark.parametrize("code", [21211, 21610, 21614, 21408, 21608])
def test_Q5_a_refusal_keeps_twilios_code(twilio: FakeTwilio, sender: TwilioSender, code: int) -> None:
    twilio.status, twilio.body = 400, error(code, 400)
    assert sender.send(TEXT) == Rejected(str(code))


@pytest.mark.parametrize(("status", "code"), [(401, 20003), (404, 20404)])
def test_Q5_what_somebody_has_to_set_right_is_trouble_of_the_channel(
    twilio: FakeTwilio, sender: TwilioSender, status: int, code: int
) -> None:
    twilio.status, twilio.body = status, error(code, status)
    assert sender.send(TEXT) == NotProcessed(f"code {code}", ATTENTION_SECONDS, trouble=str(code))


@pytest.mark.parametrize("code", [21611, 14107])
def test_Q4_a_sender_that_is_too_fast_waits(twilio: FakeTwilio, sender: TwilioSender, code: int) -> None:
    twilio.status, twilio.body = 400, error(code, 400)
    assert sender.send(TEXT) == NotProcessed("rate limit", 60.0)
    twilio.headers = {"Retry-After": "7"}
    assert sender.send(TEXT) == NotProcessed("rate limit", 7.0)


def test_a_refusal_as_problem_document_keeps_its_code(twilio: FakeTwilio, sender: TwilioSender) -> None:
    twilio.status = 400
    twilio.body = json.dumps({"type": "about:blank", "title": "No", "status": 400, "code": 21610})
    assert sender.send(TEXT) == Rejected("21610")


def test_a_refusal_that_is_not_twilios_has_only_its_status(twilio: FakeTwilio, sender: TwilioSender) -> None:
    twilio.status, twilio.body = 403, "<html>denied</html>"
    assert sender.send(TEXT) == Rejected("http_403")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 7 "}, 7.0),
        ({"Retry-After": "999999999"}, 86400.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "date"),
    ],
)
def test_Q4_a_rate_limit_was_never_processed(
    twilio: FakeTwilio, sender: TwilioSender, headers: dict[str, str], seconds: float | str | None
) -> None:
    twilio.status, twilio.body, twilio.headers = 429, error(20429, 429), headers
    outcome = sender.send(TEXT)
    assert isinstance(outcome, NotProcessed)
    if seconds == "date":
        assert outcome.retry_after is not None
    else:
        assert outcome.retry_after == seconds


def test_Q4_a_date_is_read_against_the_answers_own_date() -> None:
    from leadsrally.providers.twilio.client import retry_after

    date = "Wed, 21 Oct 2026 07:28:00 GMT"
    assert retry_after({"Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT", "Date": date}) == 30.0
    assert retry_after({"Retry-After": date, "Date": "Wed, 21 Oct 2026 08:00:00 GMT"}) == 0.0
    assert retry_after({"Retry-After": date}) is None


@pytest.mark.parametrize("status", [500, 502, 503, 504, 408, 302])
def test_Q3_an_error_after_accepting_is_unclear(
    twilio: FakeTwilio, sender: TwilioSender, status: int
) -> None:
    twilio.status, twilio.body, twilio.headers = status, error(20500, status), {"Location": "/elsewhere"}
    assert sender.send(TEXT) == Unclear(f"HTTP {status}")
    assert len(twilio.seen) == 1


@pytest.mark.parametrize(
    "body", ["", "{", "[]", "null", '"x"', "{}", '{"sid": null}', '{"sid": 5}', "<html>", '{"sid": ""}']
)
def test_Q3_a_success_that_cannot_be_read_is_unclear(
    twilio: FakeTwilio, sender: TwilioSender, body: str
) -> None:
    twilio.body = body
    assert isinstance(sender.send(TEXT), Unclear)
    assert len(twilio.seen) == 1


def hang(connection: socket.socket) -> None:
    threading.Event().wait(1.0)


def reset(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(b"HTTP/1.1 201 Created\r\nContent-Length: 500\r\n\r\n{")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def close(connection: socket.socket) -> None:
    connection.shutdown(socket.SHUT_RDWR)


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x00\xff no http\r\n\r\n")
    connection.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("misbehave", [hang, reset, close, garbage])
def test_Q3_a_lost_answer_is_unclear_and_not_repeated(
    twilio: FakeTwilio, sender: TwilioSender, misbehave: Callable[[socket.socket], None]
) -> None:
    twilio.misbehave = misbehave
    assert isinstance(sender.send(TEXT), Unclear)
    assert len(twilio.seen) == 1


def test_a_refused_connection_was_never_processed() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: refused
        sender = TwilioSender(
            TwilioCredentials(ACCOUNT, (TOKEN,)),
            ACCOUNT,
            base_url=f"http://127.0.0.1:{taken.getsockname()[1]}",
            timeout=0.5,
        )
        assert sender.send(TEXT) == NotProcessed("no connection: ConnectionError")


def test_a_name_that_does_not_resolve_was_never_processed(monkeypatch: pytest.MonkeyPatch) -> None:
    def nowhere(*_: object, **__: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "no such name")

    monkeypatch.setattr(socket, "getaddrinfo", nowhere)
    sender = TwilioSender(
        TwilioCredentials(ACCOUNT, (TOKEN,)), ACCOUNT, base_url="http://nowhere.invalid", timeout=0.5
    )
    assert isinstance(sender.send(TEXT), NotProcessed)


def test_a_connection_that_takes_too_long_was_never_processed() -> None:
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:  # fill the queue, so that the next one gets no answer at all
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        sender = TwilioSender(
            TwilioCredentials(ACCOUNT, (TOKEN,)),
            ACCOUNT,
            base_url=f"http://127.0.0.1:{deaf.getsockname()[1]}",
            timeout=0.2,
        )
        outcome = sender.send(TEXT)
        for one in waiting:
            one.close()
    assert isinstance(outcome, NotProcessed)


def test_a_connection_dropped_while_idle_is_replaced_before_it_can_fail(
    twilio: FakeTwilio, sender: TwilioSender
) -> None:
    assert isinstance(sender.send(TEXT), Accepted)
    _, transport = sender._connect()
    first = transport._session.get_adapter("https://").poolmanager.pools  # type: ignore[attr-defined]
    assert len(first) <= 1
    transport._last_used -= 60
    assert isinstance(sender.send(TEXT), Accepted)


# --- looking up ---------------------------------------------------------------------------------------------------

NOT_BEFORE = datetime(2026, 11, 23, 12, 0, 0, 500_000, tzinfo=UTC)


def listed(sid: str, body: str | None, created: str | None) -> dict[str, Any]:
    return {"sid": sid, "body": body, "date_created": created, "from": TEXT.sender, "to": TEXT.recipient}


def page(messages: list[dict[str, Any]], following: str | None = None) -> dict[str, Any]:
    return {"messages": messages, "next_page_uri": following, "page": 0, "page_size": 1000, "uri": "/x"}


def test_find_compares_body_and_creation_over_all_pages(twilio: FakeTwilio, sender: TwilioSender) -> None:
    late, early = "Mon, 23 Nov 2026 12:00:00 +0000", "Mon, 23 Nov 2026 11:59:59 +0000"
    twilio.pages = [
        page(
            [
                listed("SM1", TEXT.body, late),
                listed("SM2", "another body", late),
                listed("SM3", TEXT.body, early),
                listed("SM4", None, late),
            ],
            "/2010-04-01/Accounts/x/Messages.json?Page=1",
        ),
        page(
            [
                listed("SM5", "Sent from your Twilio trial account - " + TEXT.body, late),
                listed("SM6", TEXT.body + "\n", late),
                listed("SM7", TEXT.body, None),
            ]
        ),
    ]
    assert sender.find(TEXT, NOT_BEFORE) == ("SM1", "SM5", "SM6", "SM7")
    query = parse_qs(urlsplit(twilio.seen[0].path).query)
    assert (query["To"], query["From"], query["PageSize"]) == ([TEXT.recipient], [TEXT.sender], ["1000"])
    assert "DateSent" not in twilio.seen[0].path


@pytest.mark.parametrize(
    ("status", "body"),
    [(500, "x"), (401, error(20003, 401)), (429, error(20429, 429)), (200, "{"), (200, "{}")],
)
def test_find_says_when_twilio_cannot_be_asked(
    twilio: FakeTwilio, sender: TwilioSender, status: int, body: str
) -> None:
    twilio.status, twilio.body = status, body
    with pytest.raises(Unavailable):
        sender.find(TEXT, NOT_BEFORE)


def test_find_does_not_answer_from_an_incomplete_list(twilio: FakeTwilio, sender: TwilioSender) -> None:
    twilio.pages = [page([], "/2010-04-01/Accounts/x/Messages.json?Page=1") for _ in range(12)]
    with pytest.raises(Unavailable):
        sender.find(TEXT, NOT_BEFORE)
    assert len(twilio.pages) == 1


# --- secrets ------------------------------------------------------------------------------------------------------


def test_nothing_of_a_call_reaches_a_log_even_at_debug(
    twilio: FakeTwilio, sender: TwilioSender, caplog: pytest.LogCaptureFixture
) -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        with caplog.at_level(logging.DEBUG):
            sender.send(TEXT)
            twilio.pages = [page([])]
            sender.find(TEXT, NOT_BEFORE)
            twilio.status, twilio.body = 400, error(21211, 400)
            sender.send(TEXT)
    finally:
        root.removeHandler(handler)
    written = caplog.text + stream.getvalue()
    for secret in (TOKEN, "15005550010", "15005550006", "canary-body"):
        assert secret not in written


def test_no_secret_or_number_in_what_is_returned_or_shown(twilio: FakeTwilio, sender: TwilioSender) -> None:
    shown = [repr(sender), repr(sender._credentials)]
    for status, body in (
        (400, error(21211, 400)),
        (500, "x +15005550010"),
        (429, error(20429, 429)),
        (201, "{"),
    ):
        twilio.status, twilio.body = status, body
        shown.append(repr(sender.send(TEXT)))
    twilio.status = 500
    with pytest.raises(Unavailable) as raised:
        sender.find(TEXT, NOT_BEFORE)
    shown += [repr(raised.value), str(raised.value.__cause__)]
    for secret in (TOKEN, "15005550010", "canary-body"):
        assert all(secret not in text for text in shown)


def test_credentials_without_a_token_are_refused_at_once() -> None:
    with pytest.raises(Misconfigured):
        TwilioSender(TwilioCredentials(ACCOUNT, ()), ACCOUNT)
