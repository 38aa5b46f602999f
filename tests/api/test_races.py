"""Who may do what, changed while it is used: real threads, each on a connection of its own."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from tests.api.conftest import Client, person
from tests.world import World

Answer = tuple[int, Any]


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(8) as made:
        yield made


@contextmanager
def held(world: World, row: str, **params: Any) -> Iterator[Callable[[int], None]]:
    """Lock a row, so that what needs it lines up; in the block, wait until so many do. At its end they go on."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = %(name)s"

    def until(number: int) -> None:
        deadline = time.monotonic() + 10
        while world.value(waiting, name=world.database.name) < number:
            assert time.monotonic() < deadline, "they never came so far"

    with psycopg.connect(world.database.url()) as connection:
        connection.execute(row, params)  # pyright: ignore[reportArgumentType]
        yield until
        connection.rollback()


_ORGANIZATION = "SELECT 1 FROM organizations WHERE id = %(id)s FOR NO KEY UPDATE"


def queued(
    world: World, client: Client, threads: ThreadPoolExecutor, *asked: Callable[[], Answer]
) -> list[Answer]:
    """The answers to what was asked at once, and came in this order to the turn of the organisation."""
    with held(world, _ORGANIZATION, id=client.org.id) as until:
        futures: list[Future[Answer]] = []
        for number, one in enumerate(asked, start=1):
            futures.append(threads.submit(one))
            until(number)
    return [future.result(10) for future in futures]


def demote(by: Client, whom: Client, role: str = "agent") -> Callable[[], Answer]:
    path = f"/v1/members/{whom.user_id}"
    etag, token = by.etag(path), by.token
    return lambda: by.world.api("PATCH", path, token, {"role": role}, **{"if-match": etag})


def roles(world: World) -> list[str]:
    return sorted(row["role"] for row in world.rows("SELECT role FROM users"))


class TestOwners:
    def test_two_who_demote_each_other(self, world: World, client: Client, threads: ThreadPoolExecutor):
        other = person(world, client.org, "owner")
        first, second = queued(world, client, threads, demote(client, other), demote(other, client))
        assert (first[0], second[0], second[1]["code"]) == (200, 403, "forbidden")
        assert roles(world) == ["agent", "owner"]

    def test_two_who_step_down_at_once(self, world: World, client: Client, threads: ThreadPoolExecutor):
        other = person(world, client.org, "owner")
        first, second = queued(world, client, threads, demote(client, client), demote(other, other))
        assert (first[0], second[0], second[1]["code"]) == (200, 409, "last_owner")
        assert roles(world) == ["agent", "owner"]

    def test_two_who_leave_at_once(self, world: World, client: Client, threads: ThreadPoolExecutor):
        other = person(world, client.org, "owner")
        asked = [self._leave(client), self._leave(other)]
        first, second = queued(world, client, threads, *asked)
        assert (first[0], second[0], second[1]["code"]) == (204, 409, "last_owner")
        assert roles(world) == ["owner"]

    def test_without_a_hand_in_the_order_there_is_always_one(
        self, world: World, client: Client, threads: ThreadPoolExecutor
    ):
        """As it comes: four owners demote each other and leave, ten times over."""
        for _ in range(10):
            world.execute("DELETE FROM users")
            four = [person(world, client.org, "owner") for _ in range(4)]
            asked = [demote(one, two) for one, two in zip(four, four[1:] + four[:1], strict=True)]
            asked += [self._leave(one) for one in four]
            gate = threading.Barrier(len(asked))

            def go(one: Callable[[], Answer], gate: threading.Barrier = gate) -> Answer:
                gate.wait(10)
                return one()

            answers = list(threads.map(go, asked))
            assert {status for status, _ in answers} <= {200, 204, 401, 403, 404, 409, 412}
            assert "owner" in roles(world)

    def _leave(self, who: Client) -> Callable[[], Answer]:
        token = who.token
        return lambda: who.world.api("DELETE", "/v1/me", token)


class TestRoleAndUse:
    def test_T12_what_one_could_a_moment_ago_is_not_done(
        self, world: World, client: Client, threads: ThreadPoolExecutor
    ):
        """Both were let in as an admin; by the time it is the second's turn, it is none any more."""
        admin = person(world, client.org, "admin")
        token = admin.token
        body = {"email": "friend@example.test", "role": "admin"}
        asked = lambda: world.api("POST", "/v1/invitations", token, body)  # noqa: E731
        first, second = queued(world, client, threads, demote(client, admin), asked)
        assert (first[0], second[0], second[1]["code"]) == (200, 403, "forbidden")
        assert world.rows("SELECT 1 FROM invitations") == []
        refused = world.row("SELECT details FROM audit_log WHERE action = 'permission.refused'")["details"]
        assert refused["reason"] == "forbidden"

    def test_a_use_that_was_first_stands(self, world: World, client: Client, threads: ThreadPoolExecutor):
        admin = person(world, client.org, "admin")
        token = admin.token
        body = {"email": "friend@example.test", "role": "agent"}
        asked = lambda: world.api("POST", "/v1/invitations", token, body)  # noqa: E731
        first, second = queued(world, client, threads, asked, demote(client, admin))
        assert (first[0], second[0]) == (201, 200)

    def test_two_edits_of_one_version(self, world: World, client: Client, threads: ThreadPoolExecutor):
        other = person(world, client.org, "admin")
        whom = person(world, client.org, "viewer")
        asked = [demote(client, whom, "agent"), demote(other, whom, "admin")]
        first, second = queued(world, client, threads, *asked)
        assert (first[0], second[0]) == (200, 412)
        assert roles(world) == ["admin", "agent", "owner"]

    def test_two_edits_of_one_profile(self, world: World, client: Client, threads: ThreadPoolExecutor):
        etag, token = client.etag("/v1/organization"), client.token

        def edit(name: str) -> Callable[[], Answer]:
            return lambda: world.api("PATCH", "/v1/organization", token, {"name": name}, **{"if-match": etag})

        first, second = queued(world, client, threads, edit("First"), edit("Second"))
        assert (first[0], second[0]) == (200, 412)
        assert client.get("/v1/organization")[1]["name"] == "First"


class TestKeys:
    @pytest.fixture
    def gone(self, world: World, client: Client) -> Client:
        return person(world, client.org, "admin")

    def _key(self, who: Client) -> str:
        status, made = who.post("/v1/api-keys", {"name": "k", "scopes": ["me.read", "audit.read"]})
        assert status == 201
        return made["key"]

    def _remove(self, by: Client, whom: Client) -> Callable[[], Answer]:
        path = f"/v1/members/{whom.user_id}"
        etag, token = by.etag(path), by.token
        return lambda: by.world.api("DELETE", path, token, **{"if-match": etag})

    @pytest.mark.parametrize("how", ["removed", "demoted", "revoked"])
    def test_T12_they_die_at_once(
        self, world: World, client: Client, gone: Client, threads: ThreadPoolExecutor, how: str
    ):
        """Four programs ask without a pause; none of what they ask after the answer came is let in."""
        key = self._key(gone)
        key_id = gone.get("/v1/api-keys")[1]["items"][0]["id"]
        token = client.token
        end = {
            "removed": self._remove(client, gone),
            "demoted": demote(client, gone),
            "revoked": lambda: world.api("DELETE", f"/v1/api-keys/{key_id}", token),
        }[how]
        over = threading.Event()
        seen: list[tuple[float, int]] = []

        def hammer() -> None:
            while not over.is_set():
                started = time.perf_counter()
                status, _ = world.api("GET", "/v1/audit-log", key)
                seen.append((started, status))

        programs = [threads.submit(hammer) for _ in range(4)]
        while len(seen) < 8:
            assert not any(program.done() for program in programs)
        assert end()[0] < 300
        ended = time.perf_counter()
        while sum(started > ended for started, _ in seen) < 8:
            assert not any(program.done() for program in programs)
        over.set()
        for program in programs:
            program.result(10)
        let_in = {status for started, status in seen if started < ended}
        after = {status for started, status in seen if started > ended}
        assert 200 in let_in
        assert after <= {403 if how == "demoted" else 401, 429}
        assert after != {429}

    def test_a_key_made_while_its_person_goes(
        self, world: World, client: Client, gone: Client, threads: ThreadPoolExecutor
    ):
        """Whichever comes first, no key is left that opens a door."""
        make_token, make = gone.token, {"name": "k", "scopes": ["me.read"]}
        person_row = "SELECT 1 FROM users WHERE id = %(id)s FOR UPDATE"
        remove = self._remove(client, gone)
        with held(world, person_row, id=gone.user_id) as until:
            making = threads.submit(lambda: world.api("POST", "/v1/api-keys", make_token, make))
            until(1)
            removing = threads.submit(remove)
            until(2)
        status, made = making.result(10)
        assert removing.result(10)[0] == 204
        assert status in (201, 404)
        assert world.rows("SELECT 1 FROM api_keys") == []
        if status == 201:
            assert world.api("GET", "/v1/me", made["key"])[0] == 401
