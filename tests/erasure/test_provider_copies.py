"""Deleting copies through the official SDK and over Meta's Graph, against the simulators and against orders to fail."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from infra.simulators.meta import MetaApp, Token, Waba, WhatsAppNumber
from infra.simulators.running import Running
from infra.simulators.serve import mount
from infra.simulators.twilio import TwilioAccount, TwilioNumber, TwilioSimulator
from leadsrally.messaging.copies.types import Gone, NotYet
from leadsrally.providers.meta.copies import MetaCopies
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.graph import Graph
from leadsrally.providers.twilio.copies import TwilioCopies
from leadsrally.providers.twilio.sender import TwilioSender
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.sending.types import Accepted, OutboundMessage

SID, TOKEN, NUMBER, PHONE = (
    "AC" + "0" * 31 + "7",
    "canary-token-0123456789abcdef",
    "+15005550123",
    "+12025550101",
)


class TestTwilio:
    @pytest.fixture
    def simulator(self) -> TwilioSimulator:
        account = TwilioAccount(SID, TOKEN, numbers=[TwilioNumber(NUMBER)])
        return TwilioSimulator([account], [PHONE])

    @pytest.fixture
    def base_url(self, simulator: TwilioSimulator) -> Iterator[str]:
        with Running(simulator) as running:
            yield running.base_url

    @pytest.fixture
    def copies(self, base_url: str) -> TwilioCopies:
        return TwilioCopies(TwilioCredentials(SID, (TOKEN,)), SID, base_url=base_url)

    def sent(self, base_url: str) -> str:
        sender = TwilioSender(TwilioCredentials(SID, (TOKEN,)), SID, base_url=base_url)
        outcome = sender.send(
            OutboundMessage(UUID(int=7), PHONE, NUMBER, "Hello", status_callback="https://x.test/s")
        )
        assert isinstance(outcome, Accepted)
        return outcome.provider_message_id

    def final(self, simulator: TwilioSimulator, sid: str) -> None:
        message = simulator.book.get(SID, sid)
        assert message is not None
        message.status = "delivered"

    def test_P6_2_a_message_is_gone_for_good(
        self, simulator: TwilioSimulator, base_url: str, copies: TwilioCopies
    ):
        sid = self.sent(base_url)
        self.final(simulator, sid)
        assert copies.delete("message", sid) == Gone()
        assert simulator.book.get(SID, sid) is None
        assert simulator.recorder.log()[-1]["method"] == "DELETE"

    def test_twice_is_harmless(self, simulator: TwilioSimulator, base_url: str, copies: TwilioCopies):
        sid = self.sent(base_url)
        self.final(simulator, sid)
        assert [copies.delete("message", sid), copies.delete("message", sid)] == [Gone(), Gone()]

    def test_E5_one_that_is_not_final_yet(
        self, simulator: TwilioSimulator, base_url: str, copies: TwilioCopies
    ):
        sid = self.sent(base_url)
        message = simulator.book.get(SID, sid)
        assert message is not None
        message.status = "queued"
        assert copies.delete("message", sid) == NotYet("20009")
        assert simulator.book.get(SID, sid) is not None

    @pytest.mark.parametrize(
        ("order", "expected"),
        [
            (
                {"do": "status", "status": 429, "headers": {"Retry-After": "30"}},
                NotYet("20429", 30.0, everything=True),
            ),
            ({"do": "status", "status": 500}, NotYet("20500", None, everything=True)),
            ({"do": "status", "status": 401}, NotYet("20003", None, everything=True)),
        ],
        ids=["429", "500", "401"],
    )
    def test_orders_to_fail(
        self,
        simulator: TwilioSimulator,
        base_url: str,
        copies: TwilioCopies,
        order: dict[str, Any],
        expected: NotYet,
    ):
        sid = self.sent(base_url)
        self.final(simulator, sid)
        simulator.recorder.faults.add(order)
        assert copies.delete("message", sid) == expected

    def test_nobody_answers(self):
        copies = TwilioCopies(TwilioCredentials(SID, (TOKEN,)), SID, base_url="http://127.0.0.1:9")
        answer = copies.delete("message", "SM" + "1" * 32)
        assert isinstance(answer, NotYet)
        assert answer.everything

    def test_a_wrong_token(self, base_url: str):
        copies = TwilioCopies(TwilioCredentials(SID, ("wrong",)), SID, base_url=base_url)
        answer = copies.delete("message", "SM" + "1" * 32)
        assert isinstance(answer, NotYet)
        assert answer.everything
        assert TOKEN not in repr(copies)


class TestMeta:
    def test_P6_2_a_file_that_was_left_is_gone(self):
        secret, token = "s" * 32, "EAAG" + "x" * 20
        waba = Waba("102000000000001", [WhatsAppNumber("106000000000001", "+15005550020")])
        app = MetaApp("1", secret, [Token(token)], wabas=[waba])
        simulators = mount([], [], apps=[app])
        with Running(simulators) as running:
            graph = Graph(
                MetaCredentials((secret,), "verify", token), base_url=f"{running.base_url}/simulators/meta"
            )
            left = graph.upload(
                "106000000000001/media",
                {"messaging_product": "whatsapp", "type": "image/png"},
                "a.png",
                [b"\x89PNG\r\n\x1a\n"],
                content_type="image/png",
                size=8,
            )
            copies = MetaCopies(graph)
            assert copies.delete("file", str(left["id"])) == Gone()
            assert copies.delete("file", str(left["id"])) == Gone()
            assert copies.delete("message", "wamid.1") == NotYet("no_such_call")
            graph.close()

    def test_nobody_answers(self):
        graph = Graph(MetaCredentials(("s" * 32,), "verify", "EAAGx"), base_url="http://127.0.0.1:9")
        answer = MetaCopies(graph).delete("file", "1")
        assert isinstance(answer, NotYet)
        assert answer.everything
