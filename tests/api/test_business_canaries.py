"""P8.4, O4, E20: what is entered of Meta's, or made for it, is found nowhere in clear: tokens, app secrets, verify tokens.

Not in an answer but the one that shows a verify token once, not in a log line, an error report, an audit row, a queue,
a column, or a dump of the whole database. Meta itself gets it, in a header or where nothing else is offered.
"""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from infra.simulators.meta import Token
from infra.simulators.sentry import SentrySimulator
from leadsrally import runtime
from leadsrally.kit.crypto import Vault
from leadsrally.kit.db import Database
from leadsrally.privacy.rotate_keys import rotate_keys, take_census
from leadsrally.providers.keys.local import LocalKeys
from tests.api.test_channel_canaries import Told, assert_absent, dump, production_log, sentry, told, world
from tests.graphboard import APP_ID, LEAD_ADS, NUMBER_ID, WABA_ID, WHATSAPP, Graphboard
from tests.world import MetaLine

__all__ = ["production_log", "sentry", "told", "world"]

FIRST, SECOND, WRONG = "canaryfirst0a1b2c3d4e5f", "canarysecond6a7b8c9d0e1f", "canarywrong2a3b4c5d6e7f8"
SECRET, OTHER_SECRET = "canarysecret9f8e7d6c5b4", "canaryothersecret3b2a190"
_ENTERED = (FIRST, SECOND, WRONG, SECRET, OTHER_SECRET)


@pytest.fixture
def board(graphboard: Graphboard) -> Graphboard:
    graphboard.app.secret = SECRET
    graphboard.app.tokens[:] = [Token(FIRST)]
    return graphboard


def live_through(told: Told, board: Graphboard, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that can be done with them and all that can go wrong; the verify tokens that were shown."""
    world = board.world
    new = {**WHATSAPP, "access_token": FIRST, "app_secret": SECRET}
    path = "/v1/channels/whatsapp"
    words: list[str] = []

    def shown_once(method: str, where: str, body: Any = None, **headers: str) -> Any:
        """What is told but for the word, which is told here and nowhere else."""
        status, answer = told(method, where, body, **headers)
        assert status < 300, answer
        word = answer["verify_token"]
        words.append(word)
        told.texts[-1] = told.texts[-1].replace(word, "")
        return answer

    # Entered: refused, refused in the middle, taken, repeated, entered twice.
    for change in ({"waba_id": WRONG}, {"app_id": "x"}, {"access_token": WRONG * 99}, {"extra": WRONG}):
        assert told("POST", path, {**new, **change})[0] == 422
    told("POST", path, [WRONG])
    told("POST", f"{path}?access_token={WRONG}", {})
    with monkeypatch.context() as patch:
        patch.setattr(Vault, "seal", _breaking)
        assert told("POST", path, new)[0] == 500
    channel = shown_once("POST", path, new, **{"idempotency-key": "once"})["channel"]
    assert told("POST", path, new, **{"idempotency-key": "once"})[0] == 409
    assert told("POST", path, new)[0] == 409
    shown_once("POST", "/v1/channels/lead-ads", {**LEAD_ADS, "access_token": FIRST, "app_secret": SECRET})
    board.work()

    # Tried: well, with answers that repeat what was sent, with an unexpected error in the middle.
    own = f"/v1/channels/{channel['id']}"
    told("POST", f"{own}/configure")
    board.work()
    echo = {
        "error": {
            "message": f"{FIRST} {SECRET}",
            "type": FIRST,
            "code": 100,
            "error_data": {"details": FIRST},
        }
    }
    board.fail("status", status=400, body=echo, times=5)
    told("POST", f"{own}/test")
    board.work()
    board.simulator.recorder.faults.clear()
    businesses = runtime.of("manage_channel").workbench.businesses
    with monkeypatch.context() as patch:
        patch.setattr(businesses, "access", _breaking)
        told("POST", f"{own}/test")
        for _ in range(6):
            board.work()
            world.clock.pass_(minutes=1)

    # Replaced: by wrong ones, by right ones; another word; and used by the webhook on both sides of it.
    told("POST", f"{own}/credentials", {"access_token": WRONG})
    told("POST", f"{own}/credentials", {"app_secret": WRONG})
    board.work()
    board.app.tokens.append(Token(SECOND))
    board.app.secret = OTHER_SECRET
    told("POST", f"{own}/credentials", {"access_token": SECOND, "app_secret": OTHER_SECRET})
    shown_once("POST", f"{own}/verify-token")
    board.work()
    key = channel["webhook_url"].split("/")[-1]
    for secret in (SECRET, OTHER_SECRET, WRONG):
        line = MetaLine(
            told.client.org.id,
            UUID(channel["id"]),
            key,
            None,
            WABA_ID,
            NUMBER_ID,
            None,
            APP_ID,
            secret,
            "",
            "",
        )
        told.texts.append(world.whatsapp(line, "hello").body)
    for word in (words[0], words[-1], WRONG):
        query = f"hub.mode=subscribe&hub.challenge=1&hub.verify_token={word}"
        told.texts.append(world.call(f"/webhooks/meta/{key}", method="GET", query=query).body)

    # Left in a task that waits, moved to another master key, and read back by nobody.
    told("POST", f"{own}/credentials", {"access_token": WRONG})
    keys = Database(world.database.url("leadsrally_keys"))
    new_key = Vault(LocalKeys({"test-1": b"k" * 32, "test-2": b"n" * 32}, "test-2"))
    rotations = rotate_keys(keys, new_key)
    assert sum(found.moved for found in rotations) == 3, "two channels and a task"
    told.texts.append(f"{rotations!r} {take_census(keys, new_key)!r}")
    keys.close()
    for place in (
        "/audit-log",
        f"/channels/{channel['id']}",
        "/channels",
        "/webhook-deliveries",
        "/jobs/dead",
    ):
        told("GET", f"/v1{place}")
    return words


def _breaking(*given: Any, **named: Any) -> Any:
    """An error nobody expected, with everything it was given in its text and its variables."""
    local = (FIRST, SECRET, given, named)
    raise RuntimeError(f"broke with {local}")


def test_G4_what_was_entered_is_told_to_nobody(
    told: Told,
    board: Graphboard,
    sentry: tuple[SentrySimulator, str],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    production_log: None,
):
    words = live_through(told, board, monkeypatch)
    assert len(words) == 3
    printed = "".join(capfd.readouterr())
    assert printed.count('"unexpected.error"') >= 2, "else nothing was tried"
    for where, text in (
        ("an answer", "\n".join(told.texts)),
        ("what was printed", printed),
        ("an error report", json.dumps(sentry[0].recorder.log())),
    ):
        assert len(text) > 1_000, where
        assert_absent(text, where, [*_ENTERED, *words])
    assert len(sentry[0].recorder.log()) >= 2


def test_E20_a_stolen_copy_of_the_database_holds_none_of_it(
    told: Told, board: Graphboard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    words = live_through(told, board, monkeypatch)
    assert board.world.value("SELECT count(*) FROM channel_tasks WHERE secret IS NOT NULL") == 1
    stolen = dump(board.world.database.url(), tmp_path / "stolen.sql")
    assert APP_ID in stolen
    assert_absent(stolen, "the dump", [*_ENTERED, *words])


def test_a_token_goes_to_meta_in_a_header_but_where_it_asks_what_it_is_worth(
    told: Told, board: Graphboard, monkeypatch: pytest.MonkeyPatch
):
    live_through(told, board, monkeypatch)
    for entry in board.simulator.recorder.log():
        asks = entry["path"].split("?")[0].endswith("/debug_token")
        assert asks or not any(secret in entry["path"] for secret in _ENTERED), entry["path"].split("?")[0]
