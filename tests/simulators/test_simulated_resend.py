"""The simulated Resend, asked by the official SDK and heard by a door of ours."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import httpx
import pytest
import resend
from resend.exceptions import (
    InvalidApiKeyError,
    MissingRequiredFieldsError,
    RateLimitError,
    ResendError,
    ValidationError,
)

from infra.simulators.resend import Endpoint, ResendSimulator
from infra.simulators.running import Running
from tests.simulators.doors import Door, eventually

KEY, SECRET = "re_simulated", "whsec_c2ltdWxhdGVkLXdlYmhvb2stc2VjcmV0"
MAIL: dict[str, Any] = {
    "from": "LeadsRally <hello@demo.example>",
    "to": ["ada@example.test"],
    "subject": "Bestätigen 🚲",
    "html": "<html><head></head><body><p>Hello</p><script>1</script></body></html>",
    "text": "Hello\n",
    "tags": [{"name": "organization", "value": "o-1"}, {"name": "notice", "value": "n_2"}],
}


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[ResendSimulator, Running]]:
    simulator = ResendSimulator([KEY], retries=(0.0, 0.0))
    with Running(simulator) as running:
        yield simulator, running


@pytest.fixture
def simulator(server: tuple[ResendSimulator, Running], door: Door) -> Iterator[ResendSimulator]:
    simulator, running = server
    simulator.forget()
    simulator.pause = None
    simulator.teller.endpoint = Endpoint(f"{door.url}/webhooks/resend", [SECRET])
    with mock.patch.multiple(resend, api_url=running.base_url, api_key=KEY):
        yield simulator


@pytest.fixture
def http(server: tuple[ResendSimulator, Running]) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server[1].base_url, trust_env=False) as client:
        yield client


def send(key: str | None = None, **changes: Any) -> str:
    options: Any = {"idempotency_key": key} if key else None
    return resend.Emails.send({**MAIL, **changes}, options)["id"]  # pyright: ignore[reportArgumentType]


def verified(call: Any) -> Any:
    """The event of a call, if its signature is genuine by the provider's own arithmetic."""
    headers: Any = {name: call.headers[f"svix-{name}"] for name in ("id", "timestamp", "signature")}
    return resend.Webhooks.verify({"payload": call.body, "headers": headers, "webhook_secret": SECRET})


class TestEmails:
    def test_a_mail_is_taken_and_can_be_read(self, simulator: ResendSimulator, http: httpx.Client):
        identifier = send()
        (listed,) = http.get("/_sim/mails").json()
        assert (listed["id"], listed["to"], listed["subject"]) == (
            identifier,
            "ada@example.test",
            "Bestätigen 🚲",
        )
        whole = http.get(f"/_sim/mails/{identifier}").json()
        assert (whole["text"], whole["tags"]) == ("Hello\n", {"organization": "o-1", "notice": "n_2"})
        assert http.get("/_sim/log").json()[0]["path"] == "/emails"

    def test_its_page_can_run_nothing(self, simulator: ResendSimulator, http: httpx.Client):
        page = http.get(f"/_sim/mails/{send()}/html")
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox allow-popups" in policy
        assert "allow-scripts" not in policy
        assert '<base target="_blank">' in page.text

    def test_the_same_key_and_words_are_one_mail(self, simulator: ResendSimulator):
        assert send("k") == send("k") != send("other")
        assert len(simulator.mailbox.letters) == 2
        with pytest.raises(ResendError) as refused:
            send("k", subject="Other words")
        assert (refused.value.code, refused.value.error_type) == (409, "invalid_idempotent_request")
        with pytest.raises(ResendError) as refused:
            send("k" * 257)
        assert (refused.value.code, refused.value.error_type) == (400, "invalid_idempotency_key")

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"to": []}, MissingRequiredFieldsError),
            ({"subject": ""}, MissingRequiredFieldsError),
            ({"html": "", "text": ""}, MissingRequiredFieldsError),
            ({"to": ["not an address"]}, ValidationError),
            ({"to": ["a@b.test"] * 51}, ValidationError),
            ({"from": "nobody"}, ValidationError),
            ({"tags": [{"name": "ünd", "value": "x"}]}, ValidationError),
        ],
    )
    def test_what_it_would_not_take(self, simulator: ResendSimulator, changes: Any, kind: type[ResendError]):
        with pytest.raises(kind) as refused:
            send(**changes)
        assert refused.value.code == 422
        assert not simulator.mailbox.letters

    def test_keys_are_checked(self, simulator: ResendSimulator):
        with mock.patch.object(resend, "api_key", "re_other"), pytest.raises(InvalidApiKeyError):
            send()

    def test_faults_speak_its_language(self, simulator: ResendSimulator, http: httpx.Client):
        http.post("/_sim/faults", json=[{"do": "status", "status": 429, "headers": {"retry-after": "3"}}])
        with pytest.raises(RateLimitError) as limited:
            send()
        assert (limited.value.error_type, limited.value.headers["retry-after"]) == (
            "rate_limit_exceeded",
            "3",
        )


class TestEvents:
    @pytest.mark.parametrize(
        ("to", "events"),
        [
            ("ada@example.test", ["sent", "delivered"]),
            ("bounce@example.test", ["sent", "bounced"]),
            ("Bounced+1@example.test", ["sent", "bounced"]),
            ("complain@example.test", ["sent", "delivered", "complained"]),
            ("suppressed@example.test", ["suppressed"]),
            ("delayed@example.test", ["sent", "delivery_delayed", "delivered"]),
            ("fail@example.test", ["failed"]),
        ],
    )
    def test_an_address_decides_what_becomes_of_a_mail(
        self, simulator: ResendSimulator, door: Door, to: str, events: list[str]
    ):
        simulator.pause = 0.0
        identifier = send(to=[to])
        told = [verified(call) for call in door.wait_for(len(events))]
        assert [event["type"] for event in told] == [f"email.{event}" for event in events]
        assert {event["data"]["email_id"] for event in told} == {identifier}
        assert told[0]["data"]["tags"] == {"organization": "o-1", "notice": "n_2"}
        assert told[0]["data"]["to"] == [to]
        assert simulator.mailbox.letters[0].events == events

    def test_on_order(self, simulator: ResendSimulator, http: httpx.Client, door: Door):
        identifier = send()
        order = {
            "event": "bounced",
            "details": {"bounce": {"type": "Transient"}},
            "times": 2,
            "event_id": "msg_1",
        }
        attempts = http.post(f"/_sim/mails/{identifier}/events", json=order).json()
        assert [attempt["status"] for attempt in attempts] == [200, 200]
        assert {call.headers["svix-id"] for call in door.calls} == {"msg_1"}
        assert verified(door.calls[0])["data"]["bounce"] == {"type": "Transient"}
        assert http.post(f"/_sim/mails/{identifier}/events", json={"event": "eaten"}).status_code == 400
        assert http.post("/_sim/mails/none/events", json={"event": "bounced"}).status_code == 404

    def test_a_door_that_fails_is_called_again_with_the_same_id(
        self, simulator: ResendSimulator, http: httpx.Client, door: Door
    ):
        door.status = 503
        http.post(f"/_sim/mails/{send()}/events", json={"event": "delivered"})
        door.wait_for(3)
        assert len({call.headers["svix-id"] for call in door.calls}) == 1
        assert eventually(lambda: len(http.get("/_sim/webhooks").json()) == 3)

    def test_two_secrets_sign_twice(self, simulator: ResendSimulator, http: httpx.Client, door: Door):
        assert simulator.teller.endpoint is not None
        simulator.teller.endpoint.secrets = ["whsec_b3RoZXItb3RoZXItb3RoZXI=", SECRET]
        http.post(f"/_sim/mails/{send()}/events", json={"event": "delivered"})
        (call,) = door.calls
        assert call.headers["svix-signature"].count("v1,") == 2
        assert verified(call)

    def test_what_bounced_is_suppressed_until_it_is_taken_off_the_list(
        self, simulator: ResendSimulator, door: Door
    ):
        simulator.pause = 0.0
        send(to=["bounce@example.test"])
        door.wait_for(2)
        send(to=["Bounce@example.test"])
        assert verified(door.wait_for(3)[2])["type"] == "email.suppressed"
        assert resend.Suppressions.remove("bounce@example.test")["deleted"]
        with pytest.raises(ResendError) as gone:
            resend.Suppressions.remove("bounce@example.test")
        assert (gone.value.code, gone.value.error_type) == (404, "not_found")
