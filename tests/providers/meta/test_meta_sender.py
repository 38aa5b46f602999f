"""What is sent to Meta, word for word, and what each of its answers, or none, comes to."""

import contextlib
import io
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from leadsrally.contacts.types import Identity
from leadsrally.kit.errors import Misconfigured
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.graph import Graph, Refusal, Silence, Unreached
from leadsrally.providers.meta.outbound import body_of
from leadsrally.providers.meta.sender import MetaSender
from leadsrally.sending.types import (
    Accepted,
    NotProcessed,
    OutboundFile,
    OutboundMessage,
    Rejected,
    Sender,
    Unclear,
)
from tests.providers.meta.answering import WAMID, FakeMeta, answering, reset

TOKEN, SECRET = "EAAGtestPageToken0001", "meta-app-secret-for-tests"
# vectors.md §2, computed from Meta's rule
PROOF = "44ce8ae20e7f2bc38a58165c6881a5de3c6f7cfa7b25bfe00e6c47ea2a3d5bf4"
CREDENTIALS = MetaCredentials((SECRET,), "verify", TOKEN)
TEXT = OutboundMessage(
    message_id=UUID(int=7), recipient="+12025550111", sender="106540352242922", body="Hello Ann, canary-body"
)
CASES = json.loads((Path(__file__).parents[2] / "cases" / "meta" / "sent.json").read_text("utf-8"))


@pytest.fixture
def meta() -> Iterator[FakeMeta]:
    with answering() as fake:
        yield fake


@pytest.fixture
def graph(meta: FakeMeta) -> Iterator[Graph]:
    made = Graph(CREDENTIALS, base_url=meta.base_url, timeout=2.0)
    yield made
    made.close()


@pytest.fixture
def sender(graph: Graph) -> Sender:
    return MetaSender(graph)


class TestBody:
    """The bodies that Meta's pages show, made from our own messages."""

    @pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
    def test_as_metas_pages_have_it(self, case: dict[str, Any]):
        files = tuple(OutboundFile(**file) for file in case["message"].get("files", ()))
        told = {"message_id": UUID(int=7), "sender": "1", "body": "", **case["message"], "files": files}
        message = OutboundMessage(**told)
        expected = {
            "messaging_product": "whatsapp",
            "recipient_type": "individual",
            "biz_opaque_callback_data": str(UUID(int=7)),
            **case["body"],
        }
        assert body_of(message) == expected


class TestCall:
    def test_signed_versioned_and_proven(self, meta: FakeMeta, sender: Sender):
        sender.send(TEXT)
        (seen,) = meta.seen
        assert (seen.method, seen.path) == ("POST", "/v26.0/106540352242922/messages")
        assert seen.headers["Authorization"] == f"Bearer {TOKEN}"
        assert seen.query == {"appsecret_proof": [PROOF]}
        assert seen.headers["Content-Type"] == "application/json"
        assert seen.body["to"] == "12025550111"
        assert seen.body["biz_opaque_callback_data"] == str(TEXT.message_id)

    def test_somebody_without_a_number_is_a_recipient(self, meta: FakeMeta, sender: Sender):
        sender.send(replace(TEXT, recipient="US.1614804640375180"))
        assert meta.seen[0].body["recipient"] == "US.1614804640375180"
        assert "to" not in meta.seen[0].body

    def test_one_connection_for_several_calls(self, meta: FakeMeta, sender: Sender):
        assert [sender.send(TEXT) for _ in range(3)] == [sender.send(TEXT)] * 3
        assert len(meta.seen) == 4

    def test_no_token_no_client(self):
        with pytest.raises(Misconfigured):
            Graph(MetaCredentials((SECRET,), "verify", ""))


class TestAccepted:
    def test_with_metas_id_and_whom_it_takes_the_person_for(self, sender: Sender):
        told = sender.send(TEXT)
        assert told == Accepted(
            WAMID, recipient=(Identity("bsuid", "US.1"), Identity("wa_id", "12025550111"))
        )

    def test_held_for_a_look(self, meta: FakeMeta, sender: Sender):
        meta.body["messages"][0]["message_status"] = "held_for_quality_assessment"
        told = sender.send(TEXT)
        assert isinstance(told, Accepted)
        assert told.held

    @pytest.mark.parametrize(
        "contacts", [None, [], [{}], [{"wa_id": "no digits"}], "nonsense", [{"wa_id": 7, "user_id": None}]]
    )
    def test_an_answer_about_nobody_is_accepted_all_the_same(
        self, meta: FakeMeta, sender: Sender, contacts: Any
    ):
        meta.body["contacts"] = contacts
        told = sender.send(TEXT)
        assert isinstance(told, Accepted)
        assert told.provider_message_id == WAMID


class TestRefused:
    """By the code alone: the HTTP status says little."""

    @pytest.mark.parametrize("status", [400, 403, 404, 429, 500])
    @pytest.mark.parametrize(
        ("code", "outcome"),
        [
            (131026, Rejected("131026")),
            (131047, Rejected("131047")),
            (131050, Rejected("131050")),
            (132000, Rejected("132000")),
            (132015, Rejected("132015")),
            (130429, NotProcessed("error 130429", 10.0)),
            (131048, NotProcessed("error 131048", 3600.0)),
            (131057, NotProcessed("error 131057", 120.0)),
            (131056, NotProcessed("error 131056", 6.0, holds="pair")),
            (4, NotProcessed("error 4", 300.0, holds="account")),
            (80007, NotProcessed("error 80007", 300.0, holds="account")),
            (190, NotProcessed("error 190", 900.0, trouble="190")),
            (10, NotProcessed("error 10", 900.0, trouble="10")),
            (200, NotProcessed("error 200", 900.0, trouble="200")),
            (299, NotProcessed("error 299", 900.0, trouble="299")),
            (131031, NotProcessed("error 131031", 900.0, trouble="131031")),
            (131042, NotProcessed("error 131042", 900.0, trouble="131042")),
            (131000, Unclear("error 131000")),
            (131016, Unclear("error 131016")),
            (1, Unclear("error 1")),
            (2, Unclear("error 2")),
        ],
    )
    def test_Q5_each_code_under_each_status(
        self, meta: FakeMeta, sender: Sender, code: int, outcome: Any, status: int
    ):
        meta.refuse(code, status)
        assert sender.send(TEXT) == outcome

    def test_a_code_that_nobody_knows_proves_nothing_when_meta_itself_broke(
        self, meta: FakeMeta, sender: Sender
    ):
        meta.refuse(139999, 400)
        assert sender.send(TEXT) == Rejected("139999")
        meta.refuse(139999, 500)
        assert sender.send(TEXT) == Unclear("error 139999")

    @pytest.mark.parametrize(
        ("status", "body", "outcome"),
        [
            (429, b"slow down", NotProcessed("rate limit")),
            (400, b"<html>", Rejected("http_400")),
            (403, b"", Rejected("http_403")),
            (302, b"", Unclear("HTTP 302")),
            (408, b"", Unclear("HTTP 408")),
            (500, b"", Unclear("HTTP 500")),
            (502, b"<html>bad gateway", Unclear("HTTP 502")),
            (503, {"error": "text"}, Unclear("HTTP 503")),
            (200, b"", Unclear("an answer that cannot be read")),
            (200, b"[]", Unclear("an answer that cannot be read")),
            (200, {"messages": []}, Unclear("Meta's answer named no message")),
            (200, {"messages": [{"id": ""}]}, Unclear("Meta's answer named no message")),
            (200, {"messages": "x"}, Unclear("Meta's answer named no message")),
            (200, b"{" * 100_000, Unclear("an answer that cannot be read")),
        ],
    )
    def test_answers_that_are_not_metas(
        self, meta: FakeMeta, sender: Sender, status: int, body: Any, outcome: Any
    ):
        meta.status, meta.body = status, body
        assert sender.send(TEXT) == outcome

    def test_Q4_it_waits_as_long_as_meta_says(self, meta: FakeMeta, sender: Sender):
        meta.refuse(80007, 400)
        usage = {"102290129340398": [{"type": "whatsapp", "estimated_time_to_regain_access": 19}]}
        meta.headers = {"X-Business-Use-Case-Usage": json.dumps(usage)}
        assert sender.send(TEXT) == NotProcessed("error 80007", 1140.0, holds="account")
        meta.headers = {"Retry-After": "7"}
        assert sender.send(TEXT) == NotProcessed("error 80007", 7.0, holds="account")
        meta.headers = {"X-Business-Use-Case-Usage": "[" * 9_000, "Retry-After": "soon"}
        assert sender.send(TEXT) == NotProcessed("error 80007", 300.0, holds="account")


class TestSilence:
    """Q3: what left and was not answered may have been sent; what never left was not."""

    def test_Q3_a_reset_after_the_request_left(self, meta: FakeMeta, sender: Sender):
        meta.misbehave = reset
        assert isinstance(sender.send(TEXT), Unclear)
        assert len(meta.seen) == 1, "it was repeated"

    def test_Q3_no_answer_in_time(self, meta: FakeMeta):
        stuck = Graph(CREDENTIALS, base_url=meta.base_url, timeout=0.2)
        meta.misbehave = lambda connection: connection.settimeout(0.4) or connection.recv(1)
        assert MetaSender(stuck).send(TEXT) == Unclear("ReadTimeout")
        stuck.close()
        assert len(meta.seen) == 1

    def test_Q3_cut_off_in_the_middle_of_the_answer(self, meta: FakeMeta, sender: Sender):
        def half(connection: socket.socket) -> None:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")
            connection.close()

        meta.misbehave = half
        assert isinstance(sender.send(TEXT), Unclear)

    def test_nobody_listens(self):
        with socket.socket() as taken:  # bound, but nobody accepts
            taken.bind(("127.0.0.1", 0))
            nowhere = Graph(CREDENTIALS, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
            assert MetaSender(nowhere).send(TEXT) == NotProcessed("no connection: ConnectError")
            nowhere.close()

    def test_a_redirect_is_not_followed(self, meta: FakeMeta, sender: Sender):
        meta.status, meta.headers = 307, {"Location": f"{meta.base_url}/elsewhere"}
        assert isinstance(sender.send(TEXT), Unclear)
        assert len(meta.seen) == 1

    def test_there_is_no_list_to_look_into(self, sender: Sender):
        assert sender.find(TEXT, datetime(2026, 11, 23, tzinfo=UTC)) == ()


class TestSideBySide:
    def test_Q2_a_second_send_does_not_cut_the_first_one_off(self, meta: FakeMeta, sender: Sender):
        """After an idle time the connection is made anew, but not under a call that is under way."""
        both, first = threading.Barrier(2, timeout=30), threading.Event()

        def hold() -> None:
            first.set()
            both.wait()

        meta.before = hold
        with ThreadPoolExecutor(2) as threads:
            one = threads.submit(sender.send, TEXT)
            assert first.wait(30)
            other = threads.submit(sender.send, TEXT)
            assert [type(one.result()), type(other.result())] == [Accepted, Accepted]


class TestListing:
    def test_page_after_page_by_cursor_and_never_by_the_address_with_the_token(
        self, meta: FakeMeta, graph: Graph
    ):
        def page(number: int, *, more: bool) -> Any:
            paging: dict[str, Any] = {"cursors": {"before": "x", "after": f"c{number}"}}
            if more:
                paging["next"] = "https://graph.facebook.com/next?access_token=canary"
            return {"data": [{"id": str(number)}], "paging": paging}

        meta.pages = [page(1, more=True), page(2, more=True), page(3, more=False)]
        found = [item["id"] for item in graph.listing("1/message_templates", limit=1)]
        assert found == ["1", "2", "3"]
        assert [seen.query.get("after") for seen in meta.seen] == [None, ["c1"], ["c2"]]
        assert all(seen.path == "/v26.0/1/message_templates" for seen in meta.seen)

    @pytest.mark.parametrize("body", [{"data": "x"}, {"other": 1}, {"data": None}])
    def test_a_page_that_is_none(self, meta: FakeMeta, graph: Graph, body: Any):
        meta.body = body
        with pytest.raises(Silence):
            list(graph.listing("1/message_templates"))

    def test_a_list_without_an_end(self, meta: FakeMeta, graph: Graph):
        meta.body = {"data": [{"id": "1"}], "paging": {"next": "x", "cursors": {"after": "same"}}}
        with pytest.raises(Silence):
            list(graph.listing("1/message_templates"))
        assert len(meta.seen) == 100

    def test_failures_keep_their_kind(self, meta: FakeMeta, graph: Graph):
        meta.refuse(190, 401)
        with pytest.raises(Refusal) as refused:
            graph.get("me")
        assert (refused.value.code, refused.value.status) == (190, 401)
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            nowhere = Graph(CREDENTIALS, base_url=f"http://127.0.0.1:{taken.getsockname()[1]}")
            with pytest.raises(Unreached):
                nowhere.get("me")
            nowhere.close()

    def test_as_the_app_itself(self, meta: FakeMeta, graph: Graph):
        itself = graph.as_app("670843887433847")
        itself.get("670843887433847/subscriptions")
        itself.close()
        assert meta.seen[0].headers["Authorization"] == f"Bearer 670843887433847|{SECRET}"


class TestUpload:
    def test_a_form_of_known_length_streamed(self, meta: FakeMeta, graph: Graph):
        meta.body = {"id": "99"}
        chunks = (b"\x89PNG", b"\r\n--not-a-boundary", bytes(1000))
        told = graph.upload(
            "106/media",
            {"messaging_product": "whatsapp", "type": "image/png"},
            'bi"ke\r\n.png',
            iter(chunks),
            content_type="image/png",
            size=sum(map(len, chunks)),
        )
        assert told == {"id": "99"}
        (seen,) = meta.seen
        assert int(seen.headers["Content-Length"]) == len(seen.raw)
        assert "Transfer-Encoding" not in seen.headers
        from email.parser import BytesParser
        from email.policy import HTTP

        head = f"Content-Type: {seen.headers['Content-Type']}\r\n\r\n".encode()
        form = BytesParser(policy=HTTP).parsebytes(head + seen.raw)
        parts = {part.get_param("name", header="content-disposition"): part for part in form.iter_parts()}
        assert parts["file"].get_payload(decode=True) == b"".join(chunks)
        assert parts["file"].get_filename() == "bi_ke_.png"
        assert parts["type"].get_payload(decode=True) == b"image/png"


class TestSecrecy:
    """G4: no token, number, body or word of Meta's in a log, a reason or a traceback."""

    def test_nothing_is_logged_and_nothing_shown(
        self, meta: FakeMeta, sender: Sender, caplog: pytest.LogCaptureFixture
    ):
        told = io.StringIO()
        with (
            caplog.at_level(logging.DEBUG),
            contextlib.redirect_stdout(told),
            contextlib.redirect_stderr(told),
        ):
            outcomes: list[object] = [sender.send(TEXT)]
            meta.refuse(131026, 400)
            outcomes.append(sender.send(TEXT))
            meta.refuse(190, 401)
            outcomes.append(sender.send(TEXT))
            meta.misbehave = reset
            outcomes.append(sender.send(TEXT))
        shown = told.getvalue() + repr(outcomes[1:]) + repr(sender)
        for canary in (TOKEN, SECRET, "canary", "2025550111"):
            assert canary not in shown
        ours = [record for record in caplog.records if record.name.startswith("leadsrally")]
        assert ours == []

    def test_an_error_has_no_cause_that_knows_more(self, meta: FakeMeta, graph: Graph):
        meta.misbehave = reset
        with pytest.raises(Silence) as failed:
            graph.get("me")
        assert failed.value.__cause__ is None
        assert failed.value.__suppress_context__
        assert TOKEN not in str(failed.value)
