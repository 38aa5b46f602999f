"""The sender against the simulator, which was written from Twilio's description and not from this sender."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from infra.simulators.running import Running
from infra.simulators.twilio.accounts import TwilioAccount, TwilioNumber
from infra.simulators.twilio.app import TwilioSimulator
from leadsrally.kit.errors import Unavailable
from leadsrally.providers.twilio.sender import TwilioSender
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.sending.types import Accepted, NotProcessed, OutboundMessage, Rejected

ACCOUNT = TwilioAccount("AC" + "0" * 31 + "9", "simulated-token", numbers=[TwilioNumber("+15005550100")])
TEXT = OutboundMessage(
    message_id=UUID(int=9),
    recipient="+14158675310",
    sender="+15005550100",
    body="Hello from the simulator, é 👋",
    status_callback="",
)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with Running(TwilioSimulator([ACCOUNT], ["+14158675310"])) as running:
        yield running.base_url


def sender_for(base_url: str, token: str = ACCOUNT.auth_token) -> TwilioSender:
    return TwilioSender(TwilioCredentials(ACCOUNT.sid, (token,)), ACCOUNT.sid, base_url=base_url, timeout=5)


def test_a_sent_text_is_found_again_and_nothing_else_is(base_url: str) -> None:
    sender = sender_for(base_url)
    before = datetime.now(UTC) - timedelta(seconds=2)
    outcome = sender.send(TEXT)
    assert isinstance(outcome, Accepted)
    assert outcome.segments == 1
    assert sender.find(TEXT, before) == (outcome.provider_message_id,)
    assert sender.find(replace(TEXT, body="another"), before) == ()
    assert sender.find(replace(TEXT, recipient="+14158675311"), before) == ()
    assert sender.find(TEXT, datetime.now(UTC) + timedelta(hours=1)) == ()


def test_refusals_of_the_simulator_carry_its_codes(base_url: str) -> None:
    sender = sender_for(base_url)
    assert sender.send(replace(TEXT, sender="+15005550111")) == Rejected("21606")
    assert sender.send(replace(TEXT, recipient="nobody")) == Rejected("21211")
    assert sender.send(replace(TEXT, body="x" * 1601)) == Rejected("21617")
    assert sender.send(replace(TEXT, sender="+15005550008")) == NotProcessed("rate limit", 60.0)
    assert sender_for(base_url, "wrong").send(TEXT) == NotProcessed("code 20003", 900.0, trouble="20003")
    with pytest.raises(Unavailable):
        sender_for(base_url, "wrong").find(TEXT, datetime.now(UTC))
