"""The official Sentry SDK delivers to the sink, and the sink shows what it holds."""

import json

import pytest
import sentry_sdk

from infra.simulators import sentry


@pytest.fixture
def sdk(house):
    client = sentry_sdk.Client(
        f"http://key@127.0.0.1:{house.port}/simulators/sentry/1",
        auto_enabling_integrations=False,
        default_integrations=False,
        auto_session_tracking=False,
        server_name="test",
    )
    with sentry_sdk.isolation_scope(), sentry_sdk.new_scope() as scope:
        scope.set_client(client)
        yield scope, client
    client.close(timeout=2)


def test_an_event_arrives_decoded(sdk, house):
    scope, client = sdk
    event_id = scope.capture_message("it broke")
    client.flush(timeout=2)
    (entry,) = house.http.get("/sentry/_sim/log").json()
    assert entry["path"] == "/api/1/envelope/"
    assert entry["headers"]["content-encoding"] == "gzip"
    assert "sentry_key=key" in entry["headers"]["x-sentry-auth"]
    assert entry["envelope"]["header"]["event_id"] == event_id
    (item,) = entry["envelope"]["items"]
    assert (item["header"]["type"], item["payload"]["message"]) == ("event", "it broke")
    assert house.http.get("/sentry/_sim/leaks").json() == []


def test_leaks_are_named(sdk, house):
    scope, client = sdk
    scope.set_extra("query", "hub.verify_token=abcdef123456")
    scope.capture_message("no answer for +15005550101 and jane@example.com")
    client.flush(timeout=2)
    found = house.http.get("/sentry/_sim/leaks").json()
    assert {leak["kind"] for leak in found} == {"phone", "email", "token"}


def test_attachments_may_hold_new_lines():
    payload = 'one\n{"two": 2}\n'
    body = f'{{"sent_at": "x"}}\n{{"type": "attachment", "length": {len(payload)}}}\n{payload}\n{{"type": "event"}}\n{{}}\n'
    told = sentry.decode(body)
    assert [item["payload"] for item in told["items"]] == [payload, {}]
    assert json.dumps(told)


def test_no_key_no_entry(house):
    assert house.http.post("/sentry/api/1/envelope/", content=b"{}").status_code == 403
    assert house.http.post("/sentry/api/1/envelope/?sentry_key=k", content=b"{}").json() == {}
