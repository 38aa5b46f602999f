"""P8.4, O4, E20: an auth token that was entered, tried, replaced or moved to another key is found nowhere in clear.

Not in an answer, a log line, an error report, an audit row, a queue, a column, or a dump of the whole database.
"""

import base64
import json
import logging
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.local.postgres_place import installed_programs
from infra.simulators.running import Running
from infra.simulators.sentry import SentrySimulator
from leadsrally import runtime
from leadsrally.kit.crypto import Vault
from leadsrally.kit.db import Database
from leadsrally.privacy.rotate_keys import rotate_keys, take_census
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.telemetry.foreign import withhold_foreign
from tests.api.conftest import Client, person
from tests.database import TestDatabase
from tests.switchboard import FREE, Switchboard, switched
from tests.world import Line, World

SID, NUMBER = "AC" + "c" * 32, "+15005550123"
FIRST, SECOND, WRONG = "canaryfirst0a1b2c3d4e5f", "canarysecond6a7b8c9d0e1f", "canarywrong2a3b4c5d6e7f8"
BROUGHT = "canarybrought9f8e7d6c5b4"
CANARIES = (FIRST, SECOND, WRONG, BROUGHT)


def disguises(token: str) -> set[str]:
    """A token as it is, and as it would look in the usual encodings, wherever it begins in them."""
    found = {token, token.encode().hex(), token[::-1]}
    for padding in ("", "x", "xx"):
        encoded = base64.b64encode(f"{padding}{token}".encode()).decode()
        found.add(encoded[4:-4])  # without the characters that neighbours take part in
    return found


def assert_absent(text: str, where: str, canaries: Iterable[str] = CANARIES) -> None:
    for token in canaries:
        for disguise in disguises(token):
            assert disguise not in text, f"{where} holds {token[:12]}…"


@pytest.fixture(scope="module")
def sentry() -> Iterator[tuple[SentrySimulator, str]]:
    simulator = SentrySimulator()
    with Running(simulator) as running:
        yield simulator, f"{running.base_url.replace('://', '://key@')}/1"


@pytest.fixture
def world(database: TestDatabase, sentry: tuple[SentrySimulator, str]) -> Iterator[World]:
    """A world whose functions report to a Sentry that can be read."""
    sentry[0].recorder.forget()
    made = World(database, settings={"SENTRY_DSN": sentry[1], "LEADSRALLY_LOG_LEVEL": "DEBUG"}).open()
    yield made
    made.close()


@pytest.fixture
def production_log() -> Iterator[None]:
    """The root of all loggers as a function has it, with everything that other packages say let through to it."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    withhold_foreign()
    root.setLevel(logging.DEBUG)
    yield
    root.handlers, root.level = handlers, level


class Told:
    """Everything that was answered."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.texts: list[str] = []

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        raw = b"" if body is None else json.dumps(body).encode()
        answer = self.client.raw(method, path, raw, **headers)
        self.texts.append(answer.body + json.dumps(answer.headers))
        return answer.status, json.loads(answer.body) if answer.body else None


@pytest.fixture
def told(world: World) -> Told:
    return Told(person(world, world.organization()))


@pytest.fixture
def board(world: World) -> Iterator[Switchboard]:
    with switched(world) as made:
        made.account(SID, FIRST, NUMBER)
        yield made


def live_through(told: Told, board: Switchboard, monkeypatch: pytest.MonkeyPatch) -> None:
    """All that can be done with a token, and all that can go wrong with one."""
    world, account = board.world, board.simulator.accounts[SID]
    new = {"account_sid": SID, "auth_token": FIRST, "number": NUMBER}

    # Entered: refused, refused in the middle, taken, repeated, entered twice.
    for change in ({"number": "x"}, {"account_sid": WRONG}, {"auth_token": WRONG * 9}, {"extra": WRONG}):
        assert told("POST", "/v1/channels", {**new, **change})[0] == 422
    told("POST", "/v1/channels", [WRONG])
    told("POST", f"/v1/channels?auth_token={WRONG}", {})
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "seal", _breaking)
        assert told("POST", "/v1/channels", new)[0] == 500
    status, body = told("POST", "/v1/channels", new, **{"idempotency-key": "once"})
    assert status == 201
    told("POST", "/v1/channels", new, **{"idempotency-key": "once"})
    assert told("POST", "/v1/channels", new)[0] == 409
    channel_id = body["channel"]["id"]
    board.work()

    # Tried: well, with an unexpected error in the middle, with answers that repeat what was sent.
    path = f"/v1/channels/{channel_id}"
    told("POST", f"{path}/test")
    board.work()
    echo = {"code": 20404, "message": f"{FIRST} {NUMBER}", "status": 404}
    board.simulator.recorder.faults.add({"do": "status", "status": 404, "body": echo})
    told("POST", f"{path}/test")
    board.work()
    provider = runtime.of("manage_channel").workbench.provider
    with monkeypatch.context() as patch:
        patch.setattr(provider, "account", _breaking)
        told("POST", f"{path}/test")
        for _ in range(6):
            board.work()
            world.clock.pass_(minutes=1)

    # Replaced: by a wrong one, by a right one, and used by the webhook on both sides of it.
    told("POST", f"{path}/credentials", {"auth_token": WRONG})
    board.work()
    account.secondary_token = SECOND
    told("POST", f"{path}/credentials", {"auth_token": SECOND})
    board.work()
    for token in (FIRST, SECOND, WRONG):
        key = body["channel"]["webhook_url"].split("/")[-2]
        line = Line(told.client.org.id, UUID(channel_id), key, NUMBER, SID, token)
        told.texts.append(world.text(line, "hello").body)

    # Brought along: to search, to buy without an answer; left in a task that waits.
    other = board.account("AC" + "e" * 32, BROUGHT)
    using = {"account_sid": other.sid, "auth_token": BROUGHT}
    told("POST", "/v1/channels/number-searches", {"using": using, "country": "US"})
    board.work()
    board.fail("accept_then_status", status=500)
    assert told("POST", "/v1/channels/number-purchases", {"using": using, "number": FREE})[0] == 202
    board.work()
    told("POST", "/v1/channels/number-searches", {"using": {**using, "auth_token": WRONG}, "country": "US"})

    # Moved to another master key, and read back by nobody.
    keys = Database(world.database.url("leadsrally_keys"))
    new_key = Vault(LocalKeys({"test-1": b"k" * 32, "test-2": b"n" * 32}, "test-2"))
    rotations = rotate_keys(keys, new_key)
    assert sum(found.moved for found in rotations) >= 2
    told.texts.append(f"{rotations!r} {take_census(keys, new_key)!r} {new_key!r}")
    keys.close()
    for place in (
        "",
        "/audit-log",
        f"/channels/{channel_id}",
        "/channels",
        "/webhook-deliveries",
        "/jobs/dead",
    ):
        told("GET", f"/v1{place}" if place else "/v1/me")


def _breaking(*given: Any, **named: Any) -> Any:
    """An error nobody expected, with everything it was given in its text and its variables."""
    local = (FIRST, SECOND, given, named)
    raise RuntimeError(f"broke with {local}")


def test_G4_a_token_is_told_to_nobody(
    told: Told,
    board: Switchboard,
    sentry: tuple[SentrySimulator, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    production_log: None,
):
    live_through(told, board, monkeypatch)
    printed = "".join(capfd.readouterr())
    assert printed.count('"unexpected.error"') >= 2, "else nothing was tried"
    for where, text in (
        ("an answer", "\n".join(told.texts)),
        ("what was printed", printed),
        ("an error report", json.dumps(sentry[0].recorder.log())),
    ):
        assert len(text) > 1_000, where
        assert_absent(text, where)
    assert len(sentry[0].recorder.log()) >= 2


def test_E20_a_stolen_copy_of_the_database_holds_no_token(
    told: Told, board: Switchboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    live_through(told, board, monkeypatch)
    waiting = board.world.value("SELECT count(*) FROM channel_tasks WHERE secret IS NOT NULL")
    assert waiting == 2, "one that is looked up and one that waits: sealed, not in clear"
    stolen = dump(board.world.database.url(), tmp_path / "stolen.sql")
    assert SID in stolen
    assert "\\\\x01" in stolen or "\\x01" in stolen, "sealed blobs are in it"
    assert_absent(stolen, "the dump")
    for row in board.world.rows("SELECT details::text AS told FROM audit_log"):
        assert row["told"] == "{}" or "canary" not in row["told"]


def test_the_tests_above_would_notice(world: World, tmp_path: Path):
    org = world.organization()
    world.line(org, name=f"x{FIRST}")
    stolen = dump(world.database.url(), tmp_path / "stolen.sql")
    with pytest.raises(AssertionError):
        assert_absent(stolen, "the dump")
    for disguised in (FIRST, FIRST.encode().hex(), base64.b64encode(f"a={FIRST}".encode()).decode()):
        with pytest.raises(AssertionError):
            assert_absent(f"…{disguised}…", "here")


def dump(url: str, to: Path) -> str:
    """What somebody has who has a backup."""
    tool = installed_programs() / "pg_dump"
    subprocess.run([tool, "--dbname", url, "--file", to], check=True, capture_output=True)
    return to.read_text(encoding="utf-8")
