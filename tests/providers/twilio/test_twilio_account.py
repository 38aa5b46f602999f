"""A customer's Twilio account through the official SDK, against the simulator and against orders to fail."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from infra.simulators.running import Running
from infra.simulators.twilio import TwilioAccount as Simulated
from infra.simulators.twilio import TwilioNumber, TwilioSimulator
from leadsrally.kit.errors import LeadsRallyError, Misconfigured, Unavailable
from leadsrally.messaging.types import (
    AccountState,
    Bought,
    Doubtful,
    NotAsked,
    NotBought,
    NumberWanted,
    OwnedNumber,
    ProviderRefused,
)
from leadsrally.providers.twilio.account import TwilioAccount
from leadsrally.providers.twilio.signature import TwilioCredentials

SID, TOKEN = "AC" + "0" * 31 + "7", "canary-token-0123456789abcdef"
NUMBER = "+15005550123"
WANTED = NumberWanted("US", "local", area_code="415")
FREE = "+14155550100"


@pytest.fixture
def simulator() -> TwilioSimulator:
    return TwilioSimulator([Simulated(SID, TOKEN, numbers=[TwilioNumber(NUMBER, "https://old.example/in")])])


@pytest.fixture
def base_url(simulator: TwilioSimulator) -> Iterator[str]:
    with Running(simulator) as running:
        yield running.base_url


Make = Callable[..., TwilioAccount]


@pytest.fixture
def made(base_url: str) -> Iterator[Make]:
    """Makes accounts that are closed with the test."""
    with ExitStack() as opened:

        def make(token: str = TOKEN, *, timeout: float = 5.0, at: str = base_url) -> TwilioAccount:
            credentials = TwilioCredentials(SID, (token,))
            return opened.enter_context(TwilioAccount(credentials, SID, base_url=at, timeout=timeout))

        yield make


@pytest.fixture
def account(made: Make) -> TwilioAccount:
    return made()


def owned(simulator: TwilioSimulator) -> list[str]:
    return [number.number for number in simulator.accounts[SID].numbers]


def fail(simulator: TwilioSimulator, do: str, **how: Any) -> None:
    simulator.recorder.faults.add({"do": do, **how})


class TestState:
    @pytest.mark.parametrize(
        ("status", "kind", "expected"),
        [
            ("active", "Full", AccountState(active=True, trial=False)),
            ("active", "Trial", AccountState(active=True, trial=True)),
            ("suspended", "Full", AccountState(active=False, trial=False)),
            ("closed", "Full", AccountState(active=False, trial=False)),
        ],
    )
    def test_what_twilio_says(
        self,
        account: TwilioAccount,
        simulator: TwilioSimulator,
        status: str,
        kind: str,
        expected: AccountState,
    ):
        simulator.accounts[SID].status, simulator.accounts[SID].type = status, kind
        assert account.state() == expected


class TestOwned:
    def test_a_number_of_the_account(self, account: TwilioAccount, simulator: TwilioSimulator):
        sid = simulator.accounts[SID].numbers[0].sid
        assert account.owned(NUMBER) == OwnedNumber(
            sid, NUMBER, sms=True, inbound_url="https://old.example/in", inbound_method="POST", application=""
        )

    def test_a_longer_number_that_fits_the_pattern_is_another_one(
        self, account: TwilioAccount, simulator: TwilioSimulator
    ):
        simulator.accounts[SID].numbers.append(TwilioNumber("+150055501239"))
        del simulator.accounts[SID].numbers[0]
        assert account.owned(NUMBER) is None

    def test_none(self, account: TwilioAccount):
        assert account.owned(FREE) is None


class TestSearch:
    def test_local_numbers_of_an_area(self, account: TwilioAccount):
        found = account.search(WANTED, 3)
        assert [number.number for number in found] == [FREE, "+14155550101", "+14155550102"]
        assert (found[0].locality, found[0].region) == ("San Francisco", "CA")
        assert (found[0].mms, found[0].voice, found[0].address_required) == (True, True, False)

    @pytest.mark.parametrize(
        ("wanted", "first"),
        [
            (NumberWanted("US", "toll_free"), "+18005550100"),
            (NumberWanted("GB", "mobile"), "+447700900000"),
            (NumberWanted("US", "local", contains="5550142"), "+12125550142"),
            (NumberWanted("US", "local", contains="55501*7"), "+12125550107"),
        ],
    )
    def test_other_kinds(self, account: TwilioAccount, wanted: NumberWanted, first: str):
        assert account.search(wanted, 1)[0].number == first

    def test_only_numbers_that_can_text_are_asked_for(
        self, account: TwilioAccount, simulator: TwilioSimulator
    ):
        account.search(WANTED, 1)
        assert "SmsEnabled=true" in simulator.recorder.log()[-1]["path"]

    def test_an_area_without_any(self, account: TwilioAccount):
        assert account.search(NumberWanted("US", "local", area_code="999"), 5) == ()

    def test_a_country_that_is_not_sold(self, account: TwilioAccount):
        with pytest.raises(ProviderRefused) as refused:
            account.search(NumberWanted("XX", "local"), 5)
        assert refused.value.code == "20404"


class TestChange:
    def test_bought_pointed_and_released(self, account: TwilioAccount, simulator: TwilioSimulator):
        assert account.buy(FREE) == Bought()
        bought = account.owned(FREE)
        assert bought is not None
        simulator.accounts[SID].number(FREE).application_sid = "AP1"  # pyright: ignore[reportOptionalMemberAccess]
        pointed = account.point(bought.provider_id, "https://hooks.example.test/in")
        assert (pointed.inbound_url, pointed.inbound_method, pointed.application) == (
            "https://hooks.example.test/in",
            "POST",
            "",
        )
        account.release(bought.provider_id)
        assert owned(simulator) == [NUMBER]
        account.release(bought.provider_id)  # gone already

    def test_a_number_that_is_taken(self, account: TwilioAccount):
        assert account.buy(FREE) == Bought()
        assert account.buy(FREE) == NotBought("21422")


CALLS = {
    "state": lambda account: account.state(),
    "owned": lambda account: account.owned(NUMBER),
    "search": lambda account: account.search(WANTED, 1),
    "point": lambda account: account.point("PN" + "0" * 32, "https://x.example"),
    "release": lambda account: account.release("PN" + "0" * 32),
}


class TestTrouble:
    @pytest.mark.parametrize("call", CALLS)
    def test_a_wrong_token(self, made: Make, call: str):
        with pytest.raises(ProviderRefused) as refused:
            CALLS[call](made("wrong"))
        assert refused.value.code == "20003"

    @pytest.mark.parametrize("call", CALLS)
    @pytest.mark.parametrize("do", ["status", "reset"])
    def test_a_provider_in_trouble_is_asked_again_later(
        self, account: TwilioAccount, simulator: TwilioSimulator, call: str, do: str
    ):
        fail(simulator, do, status=503)
        with pytest.raises(Unavailable):
            CALLS[call](account)

    def test_a_rate_limit_says_how_long(self, account: TwilioAccount, simulator: TwilioSimulator):
        fail(simulator, "status", status=429, headers={"Retry-After": "7"})
        with pytest.raises(Unavailable) as limited:
            account.state()
        assert limited.value.retry_after == 7.0

    def test_an_answer_that_is_no_json(self, account: TwilioAccount, simulator: TwilioSimulator):
        fail(simulator, "status", status=403, body="<html>blocked</html>")
        with pytest.raises(ProviderRefused) as refused:
            account.state()
        assert refused.value.code == "http_403"

    def test_no_token_is_no_account(self):
        with pytest.raises(Misconfigured):
            TwilioAccount(TwilioCredentials(SID, ()), SID)

    @pytest.mark.parametrize("call", CALLS)
    def test_T14_no_error_holds_the_token_or_the_number(
        self, account: TwilioAccount, simulator: TwilioSimulator, call: str
    ):
        fail(
            simulator,
            "status",
            status=400,
            body={"code": 21421, "message": f"{TOKEN} {NUMBER}", "status": 400},
        )
        with pytest.raises(LeadsRallyError) as caught:
            CALLS[call](account)
        told = f"{caught.value!r} {caught.value.sentence} {caught.value.code} {caught.value.__cause__!r}"
        assert TOKEN not in told
        assert NUMBER not in told


class TestPurchaseInDoubt:
    """Buying has no idempotency key: what can be known of a failed order decides everything."""

    def test_Q3_taken_and_then_500(self, account: TwilioAccount, simulator: TwilioSimulator):
        fail(simulator, "accept_then_status", status=500)
        assert account.buy(FREE) == Doubtful()
        assert FREE in owned(simulator)

    def test_Q3_taken_and_then_silence(self, made: Make, simulator: TwilioSimulator):
        fail(simulator, "accept_then_hang", seconds=5)
        assert made(timeout=0.3).buy(FREE) == Doubtful()
        assert FREE in owned(simulator)

    def test_Q3_taken_and_then_reset(self, account: TwilioAccount, simulator: TwilioSimulator):
        fail(simulator, "accept_then_reset")
        assert account.buy(FREE) == Doubtful()

    def test_not_taken_is_not_told_from_taken(self, account: TwilioAccount, simulator: TwilioSimulator):
        fail(simulator, "status", status=500)
        assert account.buy(FREE) == Doubtful()
        assert FREE not in owned(simulator)

    def test_Q4_a_rate_limit_took_nothing(self, account: TwilioAccount, simulator: TwilioSimulator):
        fail(simulator, "status", status=429, headers={"Retry-After": "3"})
        assert account.buy(FREE) == NotAsked(3.0)

    def test_nobody_there_took_nothing(self, made: Make, closed_port: int):
        assert made(at=f"http://127.0.0.1:{closed_port}").buy(FREE) == NotAsked()

    def test_it_is_ordered_once(self, account: TwilioAccount, simulator: TwilioSimulator):
        fail(simulator, "accept_then_status", status=500)
        account.buy(FREE)
        assert sum(entry["method"] == "POST" for entry in simulator.recorder.log()) == 1
