"""People who ask, with tokens in hand."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import bcrypt
import pytest

from tests.world import Answer, Line, Org, World

PASSWORD = "correct horse battery staple"
_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()  # a millisecond to compare


@dataclass
class Client:
    """One logged-in person."""

    world: World
    org: Org
    user_id: UUID

    @property
    def token(self) -> str:
        return self.world.token(self.user_id, self.org)

    def get(self, path: str) -> tuple[int, Any]:
        return self.world.api("GET", path, self.token)

    def post(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return self.world.api("POST", path, self.token, body, **headers)

    def confirm(self) -> None:
        """Show again who one is."""
        self.world.execute(
            "UPDATE sessions SET confirmed_at = %(now)s WHERE user_id = %(id)s",
            now=self.world.clock.now,
            id=self.user_id,
        )

    def patch(self, path: str, body: Any, etag: str | None) -> tuple[int, Any]:
        headers = {} if etag is None else {"if-match": etag}
        return self.world.api("PATCH", path, self.token, body, **headers)

    def delete(self, path: str, etag: str | None = None) -> tuple[int, Any]:
        headers = {} if etag is None else {"if-match": etag}
        return self.world.api("DELETE", path, self.token, **headers)

    def etag(self, path: str) -> str:
        """The version of what is there."""
        answer = self.raw("GET", path)
        assert answer.status == 200, answer.body
        return answer.headers["etag"]

    def raw(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """The whole answer, headers too."""
        path, _, query = path.partition("?")
        sent = {"content-type": "application/json", "host": "api.example.test", **headers}
        return self.world.call(
            path,
            method=method,
            headers={"authorization": f"Bearer {self.token}", **sent},
            body=body,
            query=query,
        )


def person(world: World, org: Org, role: str = "owner") -> Client:
    """Someone who never logs in by password, which takes a quarter of a second to make."""
    user_id = uuid4()
    world._insert(
        "users",
        {
            "organization_id": org.id,
            "id": user_id,
            "email": f"{user_id.hex[:10]}@example.test",
            "password_hash": _HASH,
            "role": role,
            "created_at": world.clock.now,
        },
    )
    return Client(world, org, user_id)


@pytest.fixture
def client(world: World, org: Org) -> Client:
    return person(world, org)


@pytest.fixture
def viewer(world: World, org: Org) -> Client:
    return person(world, org, "viewer")


@dataclass
class Rival:
    """Another tenant with something of everything."""

    client: Client
    line: Line
    conversation: UUID
    dead_job: UUID


@pytest.fixture
def rival(world: World) -> Rival:
    org = world.organization("Rival")
    line = world.line(org)
    conversation = world.conversation(line, sender="+12025550188")
    world.reply(line, conversation, "rivalword of the rival")
    world.execute("UPDATE jobs SET state = 'dead', error = 'x' WHERE organization_id = %(id)s", id=org.id)
    dead = world.rows("SELECT id FROM jobs WHERE organization_id = %(id)s", id=org.id)[0]["id"]
    return Rival(person(world, org), line, conversation, dead)


def problem(answer: tuple[int, Any], status: int, code: str) -> dict[str, Any]:
    """The answer as a problem of this kind."""
    given, body = answer
    assert (given, body["status"], body["code"]) == (status, status, code), body
    assert body["type"] == f"urn:leadsrally:problem:{code}"
    assert body["detail"].endswith(".")
    assert body["title"]
    return body


def told(answer: Answer) -> Any:
    assert answer.headers["content-type"] == "application/problem+json"
    return json.loads(answer.body)
