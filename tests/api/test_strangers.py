"""A7: what a stranger can find out about who has an account. The same bytes, for the same work."""

import re
import time
from collections.abc import Callable
from typing import Any, Self
from unittest import mock

import bcrypt
import psycopg
import pytest

from leadsrally.kit import db
from tests.api.conftest import Client, person
from tests.api.test_sign_up import FORM
from tests.world import World

KNOWN, UNKNOWN = "known@example.test", "nobody@example.test"

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
def known(client: Client) -> Client:
    client.world.execute(
        "UPDATE users SET email = %(email)s WHERE id = %(id)s", email=KNOWN, id=client.user_id
    )
    return client


class Work:
    """What was done for an answer: statements, commits, hashes and bells, in their order."""

    def __init__(self) -> None:
        self.steps: list[str] = []

    def __enter__(self) -> Self:
        execute, commit = psycopg.Cursor.execute, db._commit
        hashpw, checkpw = bcrypt.hashpw, bcrypt.checkpw

        def noted(step: Callable[..., str], act: Any) -> Any:
            def acts(*args: Any, **options: Any) -> Any:
                self.steps.append(step(*args))
                return act(*args, **options)

            return acts

        self._patches = [
            mock.patch.object(psycopg.Cursor, "execute", noted(lambda _, sql, *__: named(sql), execute)),
            mock.patch.object(db, "_commit", noted(lambda _: "commit", commit)),
            mock.patch.object(bcrypt, "hashpw", noted(lambda _, salt: f"hash {salt[:7]!r}", hashpw)),
            mock.patch.object(bcrypt, "checkpw", noted(lambda _, hashed: f"compare {hashed[:7]!r}", checkpw)),
        ]
        for patch in self._patches:
            patch.start()
        return self

    def __exit__(self, *_: object) -> None:
        for patch in self._patches:
            patch.stop()


def named(sql: str | bytes) -> str:
    """A statement by what it touches: a look at the jobs stands in for a job where there is nobody to mail."""
    sql = sql.decode() if isinstance(sql, bytes) else sql
    return "a job" if re.search(r"\b(INTO|FROM) jobs\b", sql) else " ".join(sql.split())


WAYS: dict[str, Callable[[World, str, Client], tuple[int, Any]]] = {
    "log-in": lambda world, email, _: world.api(
        "POST", "/v1/auth/login", None, {"email": email, "password": "not this one"}
    ),
    "sign-up": lambda world, email, _: world.api("POST", "/v1/auth/signup", None, {**FORM, "email": email}),
    "reset": lambda world, email, _: world.api("POST", "/v1/auth/forgot", None, {"email": email}),
    "change of address": lambda world, email, asking: world.api(
        "PATCH", "/v1/me", asking.token, {"email": email}
    ),
    "invitation": lambda world, email, asking: world.api(
        "POST", "/v1/invitations", asking.token, {"email": email, "role": "agent"}
    ),
}


@pytest.fixture
def asking(world: World) -> Client:
    """Somebody of another organisation."""
    stranger = person(world, world.organization("Rival"))
    assert stranger.token
    return stranger


@pytest.mark.parametrize("way", WAYS)
class TestSameWork:
    def test_A7_the_same_answer_for_the_same_work(
        self, world: World, known: Client, asking: Client, way: str
    ):
        """Statement for statement, hash for hash, bell for bell: no clock can tell what no step tells."""
        ask = WAYS[way]
        ask(world, "warm@example.test", asking)
        answers, works, bells = [], [], []
        for email in (KNOWN, UNKNOWN):
            world.rung.clear()
            with Work() as work:
                status, body = ask(world, email, asking)
            answers.append((status, _without_ids(body)))
            works.append(work.steps)
            bells.append([queue for queue, _ in world.rung])
        assert answers[0] == answers[1]
        assert works[0] == works[1]
        assert bells[0] == bells[1]
        assert len(works[0]) > 3, "something was seen"

    def test_A7_too_many_tries_are_too_many_for_both(
        self, world: World, known: Client, asking: Client, way: str
    ):
        ask = WAYS[way]
        statuses: dict[str, list[int]] = {}
        for email in (KNOWN, UNKNOWN):
            world.execute("DELETE FROM rate_limits")
            world.execute("DELETE FROM invitations")
            statuses[email] = [ask(world, email, asking)[0] for _ in range(12)]
        assert statuses[KNOWN] == statuses[UNKNOWN]


def _without_ids(body: Any) -> Any:
    """The answer, but for what is of the row that was made and of what was asked."""
    if not isinstance(body, dict):
        return body
    return {name: value for name, value in body.items() if name not in ("id", "email")}


class TestTiming:
    def test_A7_a_coin_cannot_be_told_from_a_clock(self, world: World, known: Client):
        """Asked in turns: if one kind of address were slower, it would lose more often than a coin (80 throws, 5 sigma)."""
        slower = 0
        for turn in range(80):
            pair = [KNOWN, UNKNOWN] if turn % 2 else [UNKNOWN, KNOWN]
            world.execute("DELETE FROM rate_limits")
            first, second = (self._seconds(world, email) for email in pair)
            slower += (first > second) == (pair[0] == KNOWN)
        assert 17 <= slower <= 63, slower

    def _seconds(self, world: World, email: str) -> float:
        started = time.perf_counter()
        status, _ = world.api("POST", "/v1/auth/login", None, {"email": email, "password": "not this one"})
        assert status == 401
        return time.perf_counter() - started
