"""Idempotency-Key: the same request is done once, whoever repeats it and when."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import pytest
from starlette.testclient import TestClient

from functions.api.asking import Asked, permit
from functions.api.handler import Api
from functions.api.handler import app as real
from functions.api.limits import Body
from functions.api.once import Once
from leadsrally.accounts import audit
from leadsrally.kit.errors import Invalid
from tests.api.conftest import Client, person, problem
from tests.world import World

PATH = "/v1/things"


class Thing(Body):
    name: str


class House:
    """An API with one noun, whose creation leaves a row in the audit log."""

    def __init__(self) -> None:
        self.doing: Any = lambda: None
        self.app = Api()
        self.app.exception_handlers.update(real.exception_handlers)
        self.app.post(PATH, dependencies=[permit("me.read")])(self.create)
        self.app.post(f"{PATH}/secret", dependencies=[permit("me.read")])(self.create_secret)
        self.app.post(f"{PATH}/quiet", dependencies=[permit("me.read")], status_code=204)(self.do)

    def create(self, asked: Asked, once: Once, thing: Thing) -> dict[str, UUID]:
        return once(dict[str, UUID], lambda: self._made(asked))

    def create_secret(self, asked: Asked, once: Once, thing: Thing) -> dict[str, UUID]:
        return once(dict[str, UUID], lambda: self._made(asked), shown_once=True)

    def do(self, asked: Asked, once: Once) -> None:
        return once(type(None), lambda: self._made(asked) and None)

    def _made(self, asked: Asked) -> dict[str, UUID]:
        now = asked.door.clock()
        audit.record(asked.tx, asked.person.organization_id, asked.actor, "member.joined", now=now)
        self.doing()
        return {"id": uuid4()}


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def ask(house: House) -> Iterator[Any]:
    with TestClient(house.app, raise_server_exceptions=False) as http:

        def asked(
            who: Client, key: str | None = "k1", path: str = PATH, name: str = "x", **sent: Any
        ) -> tuple[int, Any]:
            headers = {"authorization": f"Bearer {who.token}"}
            if key is not None:
                headers["Idempotency-Key"] = key
            body = None if path.endswith("quiet") else {"name": name, **sent}
            answer = http.post(path, json=body, headers=headers)
            return answer.status_code, answer.json() if answer.content else None

        yield asked


def done(world: World) -> int:
    return world.value("SELECT count(*) FROM audit_log WHERE action = 'member.joined'")


class TestRepeat:
    def test_Q16_the_same_request_is_done_once_and_answered_the_same(
        self, world: World, client: Client, ask: Any
    ):
        answers = [ask(client) for _ in range(3)]
        assert answers[0][0] == 200
        assert answers == answers[:1] * 3
        assert done(world) == 1

    def test_without_a_key_each_is_done(self, world: World, client: Client, ask: Any):
        assert ask(client, None) != ask(client, None)
        assert done(world) == 2

    def test_Q16_another_request_with_the_key_is_refused(self, world: World, client: Client, ask: Any):
        first = ask(client)
        for other in (
            {"name": "y"},
            {"path": f"{PATH}?a=b"},
            {"path": f"{PATH}/secret"},
            {"path": f"{PATH}/quiet"},
        ):
            problem(ask(client, **other), 409, "idempotency_key_reused")
        assert ask(client) == first
        assert done(world) == 1

    def test_an_answer_without_a_body(self, world: World, client: Client, ask: Any):
        assert [ask(client, path=f"{PATH}/quiet") for _ in range(2)] == [(204, None)] * 2
        assert done(world) == 1

    def test_what_is_shown_once_is_not_shown_again(self, world: World, client: Client, ask: Any):
        status, shown = ask(client, path=f"{PATH}/secret")
        assert status == 200
        problem(ask(client, path=f"{PATH}/secret"), 409, "answer_shown_once")
        assert done(world) == 1
        assert shown["id"] not in str(world.rows("SELECT * FROM idempotency_keys"))

    def test_what_failed_may_be_tried_again(self, world: World, client: Client, house: House, ask: Any):
        def fail() -> None:
            raise Invalid("No.")

        house.doing = fail
        problem(ask(client), 422, "invalid")
        assert world.rows("SELECT 1 FROM idempotency_keys") == []
        house.doing = lambda: None
        assert ask(client)[0] == 200
        assert done(world) == 1

    def test_a_day_later_the_key_is_free(self, world: World, client: Client, ask: Any):
        first = ask(client)
        world.clock.pass_(days=1, microseconds=-1)
        assert ask(client) == first
        world.clock.pass_(microseconds=1)
        again = ask(client, name="another")
        assert again[0] == 200
        assert again != first
        assert ask(client, name="another") == again
        assert done(world) == 2

    def test_T9_somebody_elses_key_is_another(self, world: World, client: Client, ask: Any):
        colleague, stranger = person(world, client.org), person(world, world.organization("Rival"))
        answers = [ask(who) for who in (client, colleague, stranger)]
        assert len({answer["id"] for _, answer in answers}) == 3
        assert done(world) == 3

    @pytest.mark.parametrize("key", ["", "k" * 256, "a b", "a\tb", "é"])
    def test_a_key_must_be_one(self, client: Client, ask: Any, key: str):
        problem(ask(client, key.encode("utf-8")), 422, "malformed")

    def test_what_was_sent_cannot_be_read_back(self, world: World, client: Client, ask: Any):
        ask(client, name="CANARY")
        assert "CANARY" not in str(world.rows("SELECT * FROM idempotency_keys"))
        assert len(world.value("SELECT request_hash FROM idempotency_keys")) == 32


class TestTwins:
    """Two that come at once, each on a connection of its own."""

    def test_Q16_the_second_waits_and_gets_the_first_answer(
        self, world: World, client: Client, house: House, ask: Any
    ):
        answers = self._twins(world, client, house, ask, lambda: None)
        assert [status for status, _ in answers] == [200, 200]
        assert answers[0] == answers[1]
        assert done(world) == 1

    def test_Q16_the_second_does_it_when_the_first_failed(
        self, world: World, client: Client, house: House, ask: Any
    ):
        def fail() -> None:
            house.doing = lambda: None
            raise Invalid("No.")

        first, second = self._twins(world, client, house, ask, fail)
        problem(first, 422, "invalid")
        assert second[0] == 200
        assert done(world) == 1

    def _twins(self, world: World, client: Client, house: House, ask: Any, end: Any) -> list[Any]:
        inside, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            inside.set()
            assert go_on.wait(10)
            end()

        house.doing = hold
        with ThreadPoolExecutor(2) as threads:
            first = threads.submit(ask, client)
            assert inside.wait(10)
            second = threads.submit(ask, client)
            waiting = (
                "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %(d)s"
            )
            while not world.value(waiting, d=world.database.name):
                assert not second.done()
            go_on.set()
            return [first.result(10), second.result(10)]
