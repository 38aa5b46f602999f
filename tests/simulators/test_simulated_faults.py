"""The log, and answering badly on order, through both of uvicorn's protocols."""

import gzip

import httpx
import pytest
import requests
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route
from twilio.base.exceptions import TwilioRestException

from infra.simulators.connections import exposing_transport
from infra.simulators.recorder import Recorder
from infra.simulators.running import Running
from tests.simulators.conftest import NUMBER, PHONE
from tests.simulators.doors import Stand


def counting():
    """A simulator that counts what it really processed."""
    processed = []

    async def process(request):
        processed.append((await request.body()).decode(errors="replace"))
        return PlainTextResponse(f"processed {len(processed)}")

    return Starlette(routes=[Route("/{path:path}", process, methods=["GET", "POST"])]), processed


@pytest.fixture(scope="module", params=["httptools", "h11"])
def served_by(request):
    stand = Stand()
    with Running(Starlette(routes=[Mount("/sim", app=stand)]), http=request.param) as server:
        yield stand, server


@pytest.fixture
def served(served_by):
    stand, server = served_by
    app, processed = counting()
    stand.app = Recorder(app, keep=5)
    with httpx.Client(base_url=f"{server.base_url}/sim", trust_env=False, verify=False, timeout=2) as http:
        yield http, processed


def order(http, *faults):
    assert http.post("/_sim/faults", json=list(faults)).status_code == 200


def test_the_log_tells_what_arrived(served):
    http, _ = served
    http.post("/v1/things?page=2&q=a%20b", content="héllo".encode(), headers={"X-Test": "1"})
    http.post("/v1/zipped", content=gzip.compress(b"zipped"), headers={"Content-Encoding": "gzip"})
    first, second = http.get("/_sim/log").json()
    assert (first["method"], first["path"], first["body"]) == ("POST", "/v1/things?page=2&q=a%20b", "héllo")
    assert first["headers"]["x-test"] == "1"
    assert first["at"] < second["at"]
    assert second["body"] == "zipped"
    assert http.delete("/_sim/log").status_code == 204
    assert http.get("/_sim/log").json() == []


def test_only_the_newest_are_kept(served):
    http, _ = served
    for number in range(7):
        http.get(f"/{number}")
    assert [entry["path"] for entry in http.get("/_sim/log").json()] == ["/2", "/3", "/4", "/5", "/6"]


def test_a_status_is_given_without_processing(served):
    http, processed = served
    order(http, {"do": "status", "status": 429, "headers": {"Retry-After": "7"}, "body": {"code": 1}})
    answer = http.post("/x")
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (429, "7", {"code": 1})
    assert processed == []
    assert http.post("/x").text == "processed 1"
    assert len(http.get("/_sim/log").json()) == 2


def test_accepted_and_then_a_bad_status(served):
    http, processed = served
    order(http, {"do": "accept_then_status", "status": 500, "body": "oops"})
    answer = http.post("/x", content="a")
    assert (answer.status_code, answer.text, processed) == (500, "oops", ["a"])


@pytest.mark.parametrize(("do", "count"), [("reset", 0), ("accept_then_reset", 1)])
def test_reset_closes_without_an_answer(served, do, count):
    http, processed = served
    order(http, {"do": do})
    with pytest.raises(httpx.TransportError) as broken:
        http.post("/x")
    assert not isinstance(broken.value, httpx.TimeoutException)
    assert len(processed) == count
    assert http.post("/x").status_code == 200  # the server lives on


@pytest.mark.parametrize(("do", "count"), [("hang", 0), ("accept_then_hang", 1)])
def test_hang_answers_nothing_until_the_client_gives_up(served, do, count):
    http, processed = served
    order(http, {"do": do})
    with pytest.raises(httpx.ReadTimeout):
        http.post("/x", timeout=0.1)
    assert len(processed) == count
    assert http.post("/x").status_code == 200


def test_hang_ends_by_itself_when_told_how_long(served):
    http, _ = served
    order(http, {"do": "hang", "seconds": 0.05})
    with pytest.raises(httpx.ReadError):  # and no time-out, which the client would have of its own
        http.post("/x")


def test_delay_answers_properly_in_the_end(served):
    http, _ = served
    order(http, {"do": "delay", "seconds": 0.05})
    assert http.post("/x").text == "processed 1"


def test_orders_wait_for_the_request_they_are_meant_for(served):
    http, _ = served
    order(
        http,
        {
            "match": {"method": "POST", "path_contains": "/b", "body_contains": "bad"},
            "do": "status",
            "status": 418,
        },
        {"do": "status", "status": 503, "times": 2},
    )
    assert [http.get("/b").status_code, http.post("/b", content="bad").status_code] == [503, 418]
    assert [http.get("/b").status_code, http.get("/b").status_code] == [503, 200]
    order(http, {"do": "reset", "times": 9})
    assert http.get("/_sim/faults").json()[0]["times"] == 9
    assert http.delete("/_sim/faults").status_code == 204
    assert http.get("/b").status_code == 200


@pytest.mark.parametrize(
    "fault", [{"do": "explode"}, {"do": "reset", "tmes": 2}, {"match": {"host": "x"}, "do": "reset"}, 7]
)
def test_a_misspelt_order_is_refused(served, fault):
    http, _ = served
    answer = http.post("/_sim/faults", json=[fault])
    assert (answer.status_code, bool(answer.json()["problem"])) == (400, True)


def test_reset_below_a_host_whose_middleware_hides_the_transport():
    app, _ = counting()
    recorder = Recorder(app)

    async def host(scope, receive, send):
        async def hidden():
            return await receive()

        await recorder(scope, hidden, send)

    with (
        Running(exposing_transport(host)) as server,
        httpx.Client(base_url=server.base_url, trust_env=False, verify=False) as http,
    ):
        order(http, {"do": "reset"})
        with pytest.raises(httpx.TransportError):
            http.get("/x")


def test_twilio_refuses_in_its_own_words(twilio, house):
    order_at(house, {"do": "status", "status": 429}, {"do": "status", "status": 500})
    for status, code in ((429, 20429), (500, 20500)):
        with pytest.raises(TwilioRestException) as refusal:
            twilio().messages.create(to=PHONE, from_=NUMBER, body="hello")
        assert (refusal.value.status, refusal.value.code) == (status, code)
    assert not house.twilio.handsets.of(PHONE)


@pytest.mark.parametrize("do", ["accept_then_status", "accept_then_reset", "accept_then_hang"])
def test_a_message_accepted_but_badly_answered_can_be_found(twilio, house, door, do):
    order_at(house, {"do": do, "match": {"method": "POST", "path_contains": "Messages"}})
    with pytest.raises((TwilioRestException, requests.RequestException)):
        twilio(timeout=0.2).messages.create(
            to=PHONE, from_=NUMBER, body="hello", status_callback=f"{door.url}/status"
        )
    assert [message.body for message in twilio().messages.list(to=PHONE)] == ["hello"]
    assert [call.params["MessageStatus"] for call in door.wait_for(2)] == ["sent", "delivered"]


def order_at(house, *faults):
    assert house.http.post("/twilio/_sim/faults", json=list(faults)).status_code == 200
