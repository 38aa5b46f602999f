"""Our mail through the official SDK, against the simulated Resend: what leaves, and what each answer means."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from unittest import mock
from uuid import UUID, uuid4

import pytest
import resend

from infra.simulators.resend import ResendSimulator
from infra.simulators.running import Running
from leadsrally.kit.errors import Invalid, Misconfigured, Unavailable
from leadsrally.notices.types import Mail, NotNow, Refused, Taken
from leadsrally.providers.resend.mailer import ResendMailer

KEY, SENDER, SUPPORT = "re_canarykey", "LeadsRally <hello@mail.example>", "support@mail.example"
ORG = UUID(int=1)


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ResendSimulator, Running]]:
    simulator = ResendSimulator([KEY], pause=None)
    with Running(simulator) as running:
        yield simulator, running


@pytest.fixture
def simulator(server: tuple[ResendSimulator, Running]) -> ResendSimulator:
    server[0].forget()
    return server[0]


@pytest.fixture
def mailer(server: tuple[ResendSimulator, Running]) -> ResendMailer:
    return ResendMailer(KEY, SENDER, reply_to=SUPPORT, base_url=server[1].base_url)


def letter(**changes: Any) -> Mail:
    words = {"subject": "Bestätigen 🚲", "text": "Hello\n", "html": "<p>Hello</p>"}
    return Mail(
        **{"key": uuid4(), "organization_id": ORG, "recipient": "ada@example.test", **words, **changes}
    )


class TestSend:
    def test_what_leaves(self, simulator: ResendSimulator, mailer: ResendMailer):
        mail = letter()
        taken = mailer.send(mail)
        (kept,) = simulator.mailbox.letters
        assert taken == Taken(kept.id)
        assert (kept.sender, kept.to, kept.reply_to) == (SENDER, "ada@example.test", [SUPPORT])
        assert (kept.subject, kept.text, kept.html) == ("Bestätigen 🚲", "Hello\n", "<p>Hello</p>")
        assert kept.tags == {"organization": str(ORG), "notice": str(mail.key)}
        assert kept.headers == {"Auto-Submitted": "auto-generated"}
        (request,) = simulator.recorder.log()
        assert request["headers"]["idempotency-key"] == str(mail.key)
        assert request["headers"]["authorization"] == f"Bearer {KEY}"

    def test_Q3_the_same_mail_twice_is_one(self, simulator: ResendSimulator, mailer: ResendMailer):
        mail = letter()
        assert mailer.send(mail) == mailer.send(mail)
        assert len(simulator.mailbox.letters) == 1

    def test_Q3_one_that_was_taken_before_its_words_changed(
        self, simulator: ResendSimulator, mailer: ResendMailer
    ):
        mail = letter()
        mailer.send(mail)
        assert mailer.send(letter(key=mail.key, subject="Other words")) == Taken(None)
        assert len(simulator.mailbox.letters) == 1

    @pytest.mark.parametrize(
        ("fault", "outcome"),
        [
            ({"do": "status", "status": 429}, NotNow("rate_limit_exceeded")),
            ({"do": "status", "status": 429, "headers": {"retry-after": "7"}}, NotNow("rate_limit_exceeded", 7.0)),
            ({"do": "status", "status": 429, "headers": {"Retry-After": "99999"}}, NotNow("rate_limit_exceeded", 3600.0)),
            ({"do": "status", "status": 429, "headers": {"retry-after": "nan"}}, NotNow("rate_limit_exceeded")),
            (
                {"do": "status", "status": 429, "body": {"statusCode": 429, "name": "daily_quota_exceeded", "message": "x"}},
                NotNow("daily_quota_exceeded"),
            ),
            ({"do": "status", "status": 500}, NotNow("application_error")),
            ({"do": "status", "status": 503, "body": "a page of a proxy"}, NotNow("application_error")),
            ({"do": "status", "status": 403, "body": "a page of a proxy"}, NotNow("application_error")),
            ({"do": "status", "status": 200, "body": "a page of a proxy"}, NotNow("application_error")),
            ({"do": "status", "status": 200, "body": {"no": "id"}}, NotNow("answer_without_id")),
            ({"do": "status", "status": 200, "body": ["x"]}, NotNow("answer_without_id")),
            ({"do": "status", "status": 409}, NotNow("concurrent_idempotent_requests")),
            ({"do": "reset"}, NotNow("network")),
            ({"do": "status", "status": 302, "headers": {"location": "http://127.0.0.1:1/"}}, NotNow("application_error")),
            ({"do": "status", "status": 400}, Refused("validation_error")),
            ({"do": "status", "status": 422}, Refused("validation_error")),
            ({"do": "status", "status": 451}, Refused("security_error")),
            (
                {"do": "status", "status": 422, "body": {"statusCode": 422, "name": "CANARY ada@example.test", "message": "x"}},
                Refused("http_422"),
            ),
        ],
        ids=lambda value: str(value)[:60],
    )  # fmt: skip
    def test_what_each_answer_means(
        self, simulator: ResendSimulator, mailer: ResendMailer, fault: dict[str, Any], outcome: Any
    ):
        simulator.recorder.faults.add(fault)
        assert mailer.send(letter()) == outcome
        assert not simulator.mailbox.letters

    @pytest.mark.parametrize("do", ["accept_then_reset", "accept_then_status"])
    def test_Q3_taken_without_an_answer_and_asked_again(
        self, simulator: ResendSimulator, mailer: ResendMailer, do: str
    ):
        mail = letter()
        simulator.recorder.faults.add({"do": do, "status": 500})
        assert isinstance(mailer.send(mail), NotNow)
        (kept,) = simulator.mailbox.letters
        assert mailer.send(mail) == Taken(kept.id)
        assert len(simulator.mailbox.letters) == 1

    def test_Q3_no_answer_in_time(
        self, simulator: ResendSimulator, mailer: ResendMailer, monkeypatch: pytest.MonkeyPatch
    ):
        from leadsrally.providers.resend import transport

        monkeypatch.setattr(transport, "ANSWER_SECONDS", 0.2)
        simulator.recorder.faults.add({"do": "accept_then_hang", "seconds": 1})
        assert mailer.send(letter()) == NotNow("network")

    def test_nobody_listens(self):
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
            assert ResendMailer(KEY, SENDER, reply_to=SUPPORT, base_url=nobody).send(letter()) == NotNow(
                "network"
            )

    @pytest.mark.parametrize("status", [401, 403, 404, 405])
    def test_our_own_mistakes_stop_the_job(
        self, simulator: ResendSimulator, mailer: ResendMailer, status: int
    ):
        simulator.recorder.faults.add({"do": "status", "status": status})
        with pytest.raises(Misconfigured) as stopped:
            mailer.send(letter())
        assert stopped.value.code == "resend_credentials"
        assert stopped.value.__cause__ is None
        assert stopped.value.__suppress_context__

    def test_a_key_that_is_wrong(self, simulator: ResendSimulator, server: tuple[ResendSimulator, Running]):
        other = ResendMailer("re_other", SENDER, reply_to=SUPPORT, base_url=server[1].base_url)
        with pytest.raises(Misconfigured):
            other.send(letter())

    @pytest.mark.parametrize("key", ["", " ", "re_\r\nX: y", "re_ü", "re a"])
    def test_a_malformed_key_stops_the_start(self, key: str):
        with pytest.raises(Misconfigured):
            ResendMailer(key, SENDER, reply_to=SUPPORT)

    @pytest.mark.parametrize("sender", ["", "nobody", "A <a@b.example>\r\nBcc: c@d.example"])
    def test_I12_a_malformed_sender_stops_the_start(self, sender: str):
        with pytest.raises(Misconfigured) as stopped:
            ResendMailer(KEY, sender, reply_to=SUPPORT)
        assert "Bcc" not in str(stopped.value)

    @pytest.mark.parametrize("subject", ["a\nb", "a\r\nBcc: x@y.example", "a\u2028b", "a\x00"])
    def test_I12_a_subject_is_one_line(self, subject: str):
        with pytest.raises(Invalid):
            letter(subject=subject)


class TestAllow:
    def test_an_address_is_taken_off_the_list(self, simulator: ResendSimulator, mailer: ResendMailer):
        simulator.mailbox.suppressed["a+b/c?d@example.test"] = "s-1"
        mailer.allow("a+b/c?d@example.test")
        assert simulator.mailbox.suppressed == {}
        mailer.allow("a+b/c?d@example.test")  # not on it any more, which is as good

    @pytest.mark.parametrize(
        "fault", [{"do": "status", "status": 500}, {"do": "reset"}, {"do": "status", "status": 429}]
    )
    def test_when_it_cannot_be_asked(
        self, simulator: ResendSimulator, mailer: ResendMailer, fault: dict[str, Any]
    ):
        simulator.recorder.faults.add(fault)
        with pytest.raises(Unavailable) as away:
            mailer.allow("ada@example.test")
        assert "ada" not in str(away.value)


class TestGlobals:
    """The SDK keeps its account in its module. Ours is told with each call."""

    def test_two_accounts_at_once_never_mix(self):
        simulators = {f"re_{name}": ResendSimulator([f"re_{name}"], pause=None) for name in ("one", "two")}
        with Running(simulators["re_one"]) as one, Running(simulators["re_two"]) as two:
            mailers = [
                ResendMailer(key, SENDER, reply_to=SUPPORT, base_url=running.base_url)
                for key, running in zip(simulators, (one, two), strict=True)
            ]
            with ThreadPoolExecutor(8) as pool:
                outcomes = list(pool.map(lambda number: mailers[number % 2].send(letter()), range(40)))
        assert all(isinstance(outcome, Taken) for outcome in outcomes)
        assert [len(simulator.mailbox.letters) for simulator in simulators.values()] == [20, 20]

    def test_the_key_is_in_no_global_and_in_no_repr(self, mailer: ResendMailer):
        mailer.send(letter())
        assert KEY not in repr(vars(resend)) + repr(mailer) + repr(letter())

    def test_the_sdk_stays_what_it_was_for_others(
        self, simulator: ResendSimulator, server: Any, mailer: ResendMailer
    ):
        mailer.send(letter())
        with mock.patch.multiple(resend, api_url=server[1].base_url, api_key=KEY):
            resend.Emails.send({"from": SENDER, "to": ["x@example.test"], "subject": "s", "text": "t"})
        assert simulator.mailbox.letters[-1].to == "x@example.test"
