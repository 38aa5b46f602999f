"""The official Anthropic client against the simulator."""

import json
from typing import Literal

import httpx
import pytest
from anthropic import (
    Anthropic,
    AuthenticationError,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OverloadedError,
    RateLimitError,
)
from pydantic import BaseModel, Field, ValidationError

from infra.simulators.anthropic import fitting, rules

MODEL = "claude-haiku-5-5"


class Score(BaseModel):
    intent: Literal["pricing", "booking", "complaint", "not_interested", "stop", "other"]
    interest: int = Field(ge=0, le=100)
    reason: str
    suggestions: list[str] = Field(max_length=3)
    wants_to_stop: bool
    language: str


@pytest.fixture
def client(house):
    with Anthropic(api_key="sk-test", base_url=f"{house.base}/anthropic", max_retries=0) as client:
        yield client


def score(client, said, **params):
    prompt = f"<conversation>\nbusiness: Hello, what is your price range?\ncontact: {said}\n</conversation>"
    return client.messages.parse(
        model=MODEL,
        max_tokens=700,
        messages=[{"role": "user", "content": prompt}],
        output_format=Score,
        **params,
    )


@pytest.mark.parametrize(
    ("said", "intent", "low", "high", "stops", "language"),
    [
        ("How much does it cost?", "pricing", 70, 100, False, "en"),
        ("Hola, ¿cuánto cuesta?", "pricing", 70, 100, False, "es"),
        ("Can we book an appointment?", "booking", 70, 100, False, "en"),
        ("Quiero una cita por favor", "booking", 70, 100, False, "es"),
        ("Sorry, not interested", "not_interested", 0, 20, False, "en"),
        ("It arrived broken, I want a refund", "complaint", 0, 40, False, "en"),
        ("please stop texting me", "stop", 0, 10, True, "en"),
        ("Don't text me again", "stop", 0, 10, True, "en"),
        ("no más mensajes", "stop", 0, 10, True, "es"),
        ("ok", "other", 20, 60, False, "en"),
    ],
)
def test_simple_rules(client, said, intent, low, high, stops, language):
    answer = score(client, said).parsed_output
    assert (answer.intent, answer.wants_to_stop, answer.language) == (intent, stops, language)
    assert low <= answer.interest <= high
    assert answer.reason.startswith("[simulated]")
    assert len(answer.suggestions) <= 3
    assert bool(answer.suggestions) is not stops


def test_spanish_is_answered_in_spanish(client):
    assert "precios" in score(client, "¿Qué precio tiene?").parsed_output.suggestions[0]


def test_the_newest_line_of_the_contact_decides(client):
    assert score(client, "How much?\ncontact: not interested").parsed_output.intent == "not_interested"


def test_the_answer_has_the_documented_shape(client):
    message = score(client, "price?")
    assert (message.role, message.model, message.stop_reason) == ("assistant", MODEL, "end_turn")
    assert message.id.startswith("msg_")
    assert message._request_id.startswith("req_")
    assert message.usage.input_tokens > 0
    assert message.usage.output_tokens > 0
    assert message.usage.cache_read_input_tokens == message.usage.cache_creation_input_tokens == 0


def test_the_request_is_logged_with_its_headers(client, house):
    score(client, "price?")
    (entry,) = house.http.get("/anthropic/_sim/log").json()
    assert (entry["method"], entry["path"]) == ("POST", "/v1/messages")
    assert entry["headers"]["authorization"] == "Bearer sk-test"
    assert entry["headers"]["anthropic-version"] == "2026-10-21"
    assert json.loads(entry["body"])["output_config"]["format"]["type"] == "json_schema"


def test_rate_limits_are_told(client):
    raw = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=100, messages=[{"role": "user", "content": "contact: hi"}]
    )
    for name in ("requests", "tokens", "input-tokens", "output-tokens"):
        for part in ("limit", "remaining", "reset"):
            assert f"anthropic-ratelimit-{name}-{part}" in raw.headers
    assert raw.parse().content[0].text.startswith("[simulated]")


def scripted(house, *answers):
    assert house.http.post("/anthropic/_sim/answers", json=list(answers)).status_code == 200


def test_refusal(client, house):
    scripted(house, {"refusal": True})
    message = score(client, "price?")
    assert (message.stop_reason, message.parsed_output, message.content) == ("refusal", None, [])
    assert message.stop_details.type == "refusal"
    assert score(client, "price?").stop_reason == "end_turn"


def test_truncation_breaks_the_json(client, house):
    scripted(house, {"truncate": True})
    with pytest.raises(ValidationError):
        score(client, "price?")


def test_max_tokens_truncates_by_itself(client):
    message = client.messages.create(
        model=MODEL, max_tokens=3, messages=[{"role": "user", "content": "contact: what is the price?"}]
    )
    assert message.stop_reason == "max_tokens"
    assert len(message.content[0].text) <= 12


def test_garbage(client, house):
    scripted(house, {"text": "no JSON at all"})
    with pytest.raises(ValidationError):
        score(client, "price?")


def test_a_scripted_value(client, house):
    value = {
        "intent": "other",
        "interest": 1,
        "reason": "r",
        "suggestions": [],
        "wants_to_stop": False,
        "language": "de",
    }
    scripted(house, {"json": value}, {"thinking_first": True, "json": value})
    assert score(client, "price?").parsed_output.language == "de"
    message = score(client, "price?")
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.parsed_output.language == "de"
    assert message.usage.output_tokens_details.thinking_tokens > 0


def test_thinking_before_the_usual_answer(client, house):
    scripted(house, {"thinking_first": True})
    message = score(client, "price?")
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert message.parsed_output.intent == "pricing"


def test_a_misspelt_script_is_refused(house):
    assert house.http.post("/anthropic/_sim/answers", json=[{"refuse": True}]).status_code == 400
    scripted(house, {"refusal": True})
    assert house.http.delete("/anthropic/_sim/answers").status_code == 204
    assert not house.anthropic.script


def test_retries_after_429_and_529(client, house):
    faults = [
        {"do": "status", "status": 429, "headers": {"retry-after-ms": "5"}},
        {"do": "status", "status": 529, "headers": {"retry-after-ms": "5"}},
    ]
    house.http.post("/anthropic/_sim/faults", json=faults)
    assert score(client.with_options(max_retries=2), "price?").parsed_output.intent == "pricing"
    log = house.http.get("/anthropic/_sim/log").json()
    assert [entry["headers"]["x-stainless-retry-count"] for entry in log] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (429, RateLimitError, "rate_limit_error"),
        (529, OverloadedError, "overloaded_error"),
        (500, InternalServerError, "api_error"),
        (401, AuthenticationError, "authentication_error"),
    ],
)
def test_ordered_statuses_have_the_providers_body(client, house, status, error, kind):
    house.http.post(
        "/anthropic/_sim/faults", json=[{"do": "status", "status": status, "headers": {"retry-after": "9"}}]
    )
    with pytest.raises(error) as refusal:
        score(client, "price?")
    assert (refusal.value.type, refusal.value.response.headers["retry-after"]) == (kind, "9")
    assert refusal.value.request_id.startswith("req_")


@pytest.mark.parametrize("gone", ["temperature", "top_p", "top_k"])
def test_sampling_parameters_are_gone(client, gone):
    with pytest.raises(BadRequestError) as refusal:
        score(client, "price?", extra_body={gone: 1})
    assert refusal.value.type == "invalid_request_error"
    assert gone in str(refusal.value)


def test_unknown_model(client):
    with pytest.raises(NotFoundError):
        client.messages.create(model="gpt", max_tokens=9, messages=[{"role": "user", "content": "hi"}])


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"anthropic-version": "2026-10-21"}, 401),
        ({"x-api-key": "k"}, 400),
        ({"x-api-key": "k", "anthropic-version": "2026-10-21"}, 200),
        ({"authorization": "Bearer k", "anthropic-version": "2026-10-21"}, 200),
    ],
)
def test_key_and_version_are_required(house, headers, status):
    body = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]}
    answer = house.http.post("/anthropic/v1/messages", headers=headers, json=body)
    assert answer.status_code == status
    assert answer.headers["request-id"].startswith("req_")


def test_only_known_keys_when_they_are_named(house):
    house.anthropic.api_keys = frozenset({"right"})
    with (
        Anthropic(api_key="wrong", base_url=f"{house.base}/anthropic", max_retries=0) as client,
        pytest.raises(AuthenticationError),
    ):
        score(client, "price?")


@pytest.mark.parametrize(
    "wrong",
    [
        {"max_tokens": -1},
        {"messages": []},
        {"messages": [{"role": "user", "content": ""}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "{"}]},
        {"output_format": {}},
        {
            "output_config": {
                "format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}
            }
        },
        {"output_config": {"effort": "huge"}},
    ],
)
def test_bad_requests(house, wrong):
    body = {"model": MODEL, "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}], **wrong}
    headers = {"x-api-key": "k", "anthropic-version": "2026-10-21"}
    answer = httpx.post(f"{house.base}/anthropic/v1/messages", headers=headers, json=body, trust_env=False)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")


def test_the_prompt_cache_is_filled_and_read(client):
    system = [{"type": "text", "text": "Be brief. " * 600, "cache_control": {"type": "ephemeral"}}]
    first = score(client, "price?", system=system).usage
    second = score(client, "and for two?", system=system).usage
    assert first.cache_creation_input_tokens == first.cache_creation.ephemeral_5m_input_tokens > 1000
    assert second.cache_read_input_tokens == first.cache_creation_input_tokens
    assert second.cache_creation_input_tokens == 0
    short = [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}]
    assert score(client, "price?", system=short).usage.cache_creation_input_tokens == 0


def test_streaming(client, house):
    scripted(house, {"thinking_first": True})
    with client.messages.stream(
        model=MODEL, max_tokens=200, messages=[{"role": "user", "content": "contact: price?"}]
    ) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text.startswith("[simulated]")
    assert [block.type for block in message.content] == ["thinking", "text"]
    assert (message.stop_reason, message.content[1].text) == ("end_turn", text)


@pytest.mark.parametrize(
    ("said", "members", "member"),
    [
        ("what is the price", ["Price question", "Other"], "Price question"),
        ("not interested", ["interested", "other"], "other"),
        ("sounds good", ["not_interested", "interested"], "interested"),
        ("zzz", ["a", "b"], "b"),
    ],
)
def test_enums_by_their_best_name(said, members, member):
    assert fitting.best_member(members, rules.read(said)) == member


def test_any_schema_is_filled():
    class Inner(BaseModel):
        kind: Literal["a"]
        when: str = Field(json_schema_extra={"format": "date"})

    class Outer(BaseModel):
        inner: Inner
        maybe: Inner | None
        many: list[Inner] = Field(min_length=1)
        none: list[str]
        count: int = Field(ge=3)
        share: float
        sure: bool

    value = fitting.fit(Outer.model_json_schema(), rules.read("price?"))
    assert Outer.model_validate(value).count == 3
