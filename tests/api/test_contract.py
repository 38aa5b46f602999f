"""The contract: what OpenAPI says is what is answered, to strangers and to other tenants too."""

import json
from collections.abc import Iterator
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest

from tests.api.conftest import Client, Rival, problem, told
from tests.api.examples import CONTRACT, OPERATIONS, operation
from tests.world import World

CANARY = "CANARY+12025550123"


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            if name == "$ref":
                yield value
            else:
                yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def sent_schemas() -> set[str]:
    """Names of the schemas that bodies are made of."""
    found: set[str] = set()
    waiting = [operation(*place).get("requestBody") for place in OPERATIONS]
    while waiting:
        for ref in refs(waiting.pop()):
            name = ref.rpartition("/")[2]
            if name not in found:
                found.add(name)
                waiting.append(CONTRACT["components"]["schemas"][name])
    return found


def bounded(schema: dict[str, Any]) -> Iterator[bool]:
    """For each kind of value a field may hold, whether it says how large one may be."""
    for kind in schema.get("anyOf", schema.get("oneOf", [schema])):
        match kind.get("type"):
            case "string":
                yield bool({"maxLength", "enum", "const", "format"} & kind.keys())
            case "integer" | "number":
                yield {"maximum", "minimum"} <= kind.keys()
            case "array":
                yield "maxItems" in kind
                yield from bounded(kind["items"])
            case "object":
                yield "maxProperties" in kind
            case _:
                yield True


def takes(header: str, method: str, path: str) -> bool:
    return any(parameter["name"] == header for parameter in operation(method, path).get("parameters", ()))


class TestDocument:
    def test_it_is_served_as_it_is(self, world: World):
        answer = world.call("/openapi.json", method="GET", headers={"host": "api.example.test"})
        assert answer.status == 200
        assert json.loads(answer.body) == json.loads(json.dumps(CONTRACT))

    def test_every_reference_leads_somewhere(self):
        named = {f"#/components/schemas/{name}" for name in CONTRACT["components"]["schemas"]}
        assert set(refs(CONTRACT)) <= named

    def test_every_schema_is_used(self):
        named = {f"#/components/schemas/{name}" for name in CONTRACT["components"]["schemas"]}
        assert named <= set(refs(CONTRACT))

    def test_every_operation_has_a_name_of_its_own_and_a_sentence(self):
        names = [operation(*found)["operationId"] for found in OPERATIONS]
        assert len(names) == len(set(names))
        assert all(operation(*found).get("description") for found in OPERATIONS)

    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_every_operation_says_how_it_fails(self, method: str, path: str):
        given = operation(method, path)
        responses = given["responses"]
        expected = {"500", "503"}
        expected |= {"401", "403", "429"} if given.get("security") else set()
        expected |= {"404"} if "{" in path else set()
        expected |= {"422"} if given.get("parameters") or given.get("requestBody") else set()
        expected |= {"413"} if given.get("requestBody") else set()
        assert expected <= responses.keys()
        for status, response in responses.items():
            if int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], status
        assert [status for status in responses if int(status) < 300], "and how it succeeds"

    def test_I5_whatever_is_sent_has_bounds_and_no_fields_but_its_own(self):
        """A string without a longest one, a number without a largest one, or a form that takes any field."""
        for name in sorted(sent_schemas()):
            schema = CONTRACT["components"]["schemas"][name]
            assert schema.get("additionalProperties") is False, f"{name} must be a functions.api.limits.Body"
            for field, given in schema.get("properties", {}).items():
                for kind in bounded(given):
                    assert kind, f"{name}.{field} has no bounds"

    def test_Q16_whatever_creates_or_sends_can_be_asked_for_twice(self):
        """A key of the caller's own, wherever a repeat would make a second one."""
        harmless = {
            ("POST", "/v1/jobs/{job_id}/replay"): "what is not dead any more is not found",
            ("POST", "/v1/account/deletion"): "an account is left once, and whoever asks again is told so",
            (
                "POST",
                "/v1/templates/sync/{channel_id}",
            ): "one waiting copy of a channel's templates is enough",
        }
        makes = {
            found
            for found in OPERATIONS
            if found[0] == "POST"
            and "x-action" in operation(*found)
            and {"201", "202"} & operation(*found)["responses"].keys()
        }
        keyed = {found for found in OPERATIONS if takes("Idempotency-Key", *found)}
        assert makes - keyed == harmless.keys()

    def test_whatever_is_edited_says_of_which_version(self):
        """Else the second of two people who edit at once would undo what the first one did."""
        harmless = {("PATCH", "/v1/me"): "asks for a mail to the new address, and overwrites nothing"}
        edits = {found for found in OPERATIONS if found[0] in ("PATCH", "PUT")}
        versioned = {found for found in OPERATIONS if takes("If-Match", *found)}
        assert edits - versioned == harmless.keys()
        for method, path in versioned:
            shown = [
                answer
                for given in ("GET", method)
                if given != "DELETE" and (given, path) in OPERATIONS
                for status, answer in operation(given, path)["responses"].items()
                if status == "200"
            ]
            assert shown, (method, path)
            assert all("ETag" in answer["headers"] for answer in shown), (method, path)

    @pytest.mark.parametrize(("method", "path"), OPERATIONS)
    def test_an_operation_asks_who_is_there_or_is_open_to_all(self, method: str, path: str):
        given = operation(method, path)
        assert given.get("security", []) == ([{"bearer": []}] if "x-action" in given else [])


class TestMalformed:
    def test_W12_a_body_that_is_not_what_it_should_be(self, client: Client):
        path = f"/v1/conversations/{uuid4()}/messages"
        for body in (
            b"",
            b"{",
            b"null",
            b"[]",
            b'"x"',
            b'{"body": CANARY}',
            b"\xff\xfeCANARY",
            b"\x00",
            b"[" * 100_000,
            b'{"body": 1e400}',
            b'{"body": {"CANARY": "CANARY"}}',
            b'{"CANARY": "CANARY"}',
        ):
            answer = client.raw("POST", path, body)
            assert answer.status == 422, body[:20]
            assert told(answer)["code"] == "malformed"
            assert "CANARY" not in answer.body

    def test_a_body_that_says_it_is_something_else(self, client: Client):
        path = f"/v1/conversations/{uuid4()}/messages"
        answer = client.raw("POST", path, b'{"body": "CANARY"}', **{"content-type": "text/plain"})
        assert answer.status == 422
        assert "CANARY" not in answer.body

    def test_it_names_the_field_and_the_reason(self, client: Client):
        body = problem(client.post(f"/v1/conversations/{uuid4()}/templates", {}), 422, "malformed")
        assert body["errors"] == [{"field": "body.name", "problem": "Field required"}]

    def test_an_id_that_is_none(self, client: Client):
        for identifier in ("x", CANARY, "1", "%00", "..", "0" * 33, "🚲"):
            answer = client.raw("GET", f"/v1/conversations/{identifier}")
            assert answer.status == 422, identifier
            assert told(answer)["errors"] == [
                {"field": "path.conversation_id", "problem": "Input should be a valid UUID"}
            ]

    def test_G4_no_error_repeats_what_was_sent(self, client: Client, rival: Rival):
        thread = uuid4()
        answers = [
            client.get(f"/v1/conversations?limit={CANARY}"),
            client.get(f"/v1/conversations?cursor={CANARY}"),
            client.get(f"/v1/conversations?unread={CANARY}"),
            client.get(f"/v1/conversations/{CANARY}"),
            client.get(f"/v1/{CANARY}"),
            client.get(f"/v1/messages?search={CANARY * 20}"),
            client.post(f"/v1/conversations/{thread}/messages", {"body": CANARY}),
            client.post(f"/v1/conversations/{thread}/messages", {"body": CANARY * 200}),
            client.post(f"/v1/conversations/{thread}/messages", {"body": [CANARY]}),
            client.post(
                f"/v1/conversations/{thread}/messages", {"body": "x"}, **{"idempotency-key": CANARY * 30}
            ),
            client.post(f"/v1/conversations/{thread}/review", {"decision": CANARY}),
            client.post(f"/v1/jobs/{CANARY}/replay"),
            client.world.api("POST", "/v1/auth/login", None, {"email": CANARY, "password": CANARY}),
            client.world.api("GET", "/v1/me", CANARY),
        ]
        for status, body in answers:
            assert 400 <= status < 500
            assert "CANARY" not in json.dumps(body)
            assert "5550123" not in json.dumps(body)


class TestForm:
    def test_a_path_that_is_none(self, client: Client):
        answer = client.raw("GET", "/v1/nothing-here")
        assert (answer.status, told(answer)["code"]) == (404, "http_404")

    @pytest.mark.parametrize(
        ("method", "path", "allowed"),
        [
            ("PUT", "/v1/webhook-deliveries", {"GET"}),
            ("PUT", "/v1/conversations", {"GET"}),
            ("GET", "/v1/auth/login", {"POST"}),
            ("TRACE", "/v1/audit-log", {"GET"}),
        ],
    )
    def test_a_method_that_is_not_offered(self, client: Client, method: str, path: str, allowed: set[str]):
        answer = client.raw(method, path)
        assert (answer.status, told(answer)["code"]) == (405, "http_405")
        assert set(answer.headers["allow"].split(", ")) == allowed  # RFC 9110 section 15.5.6

    def test_an_error_nobody_expected_tells_nothing(self, client: Client, capfd: pytest.CaptureFixture[str]):
        capfd.readouterr()
        with mock.patch("leadsrally.accounts.store.organization", side_effect=RuntimeError(CANARY)):
            answer = client.raw("GET", "/v1/me")
        assert answer.status == 500
        assert told(answer) == {
            "type": "urn:leadsrally:problem:broken",
            "title": "broken",
            "status": 500,
            "detail": "Something broke on our side. It has been reported; try again in a moment.",
            "code": "broken",
        }
        printed = capfd.readouterr().out
        assert printed.count('"unexpected.error"') == 1
        assert "CANARY" not in printed

    def test_a_busy_house_says_when_to_come_again(self, client: Client):
        from leadsrally.kit.errors import Unavailable

        busy = Unavailable("Busy. Try again in a moment.", retry_after=7.2)
        with mock.patch("leadsrally.accounts.store.organization", side_effect=busy):
            answer = client.raw("GET", "/v1/me")
        assert (answer.status, answer.headers["retry-after"]) == (503, "8")
        assert told(answer)["code"] == "unavailable"
