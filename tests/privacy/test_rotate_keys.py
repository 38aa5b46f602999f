"""P8.4: secrets move to another master key while the house is open, and nothing that was written is lost."""

import base64
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from infra.local import keys as command
from infra.local.production import Installation
from leadsrally import runtime
from leadsrally.kit.crypto import SealBroken, SealContext, Vault
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Unavailable
from leadsrally.kit.settings import Settings
from leadsrally.messaging.channels.directory import meta_context, twilio_context
from leadsrally.messaging.types import META_CREDENTIALS, TWILIO_CREDENTIALS
from leadsrally.privacy.rotate_keys import Rotation, rotate_keys, take_census
from leadsrally.providers.keys.local import LocalKeys
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.twilio.signature import TwilioCredentials
from leadsrally.runtime import Runtime
from tests.world import SETTINGS, Line, World

OLD = Settings(SETTINGS).keys("LEADSRALLY_MASTER_KEYS")  # the key that `World.line` seals with
NEW = {"test-2": b"n" * 32}
BOTH = {**OLD, **NEW}


def local(keys: dict[str, bytes], current: str) -> Vault:
    return Vault(LocalKeys(keys, current))


FORWARD = local(BOTH, "test-2")
BACK = local(BOTH, "test-1")


@dataclass
class Interfering:
    """Real keys, with something that happens between the reading of a blob and the writing of its successor."""

    keys: LocalKeys
    between: Callable[[SealContext], None]

    @property
    def names(self) -> tuple[str, ...]:
        return self.keys.names

    def wrap(self, data_key: bytes, context: SealContext) -> bytes:
        self.between(context)
        return self.keys.wrap(data_key, context)

    def unwrap(self, wrapped: bytes, context: SealContext) -> bytes:
        return self.keys.unwrap(wrapped, context)

    def key_id(self, wrapped: bytes) -> str:
        return self.keys.key_id(wrapped)


@pytest.fixture
def db(world: World) -> Iterator[Database]:
    opened = Database(world.database.url("leadsrally_keys"))
    yield opened
    opened.close()


@pytest.fixture
def lines(world: World) -> list[Line]:
    """Seven channels of three tenants."""
    orgs = [world.organization(name) for name in ("Harbour Bikes", "Rival", "Third")]
    return [world.line(orgs[number % 3]) for number in range(7)]


def stored(world: World, line: Line) -> bytes:
    return world.value("SELECT credentials FROM channels WHERE id = %(id)s", id=line.id)


def token(world: World, line: Line, vault: Vault = FORWARD) -> str:
    opened = vault.open(stored(world, line), twilio_context(line.organization_id, line.id))
    return TwilioCredentials.from_json(opened).auth_tokens[0]


def put(world: World, organization_id: UUID, channel_id: UUID, secret: str, vault: Vault = BACK) -> None:
    """Another token is stored, as the API stores it."""
    credentials = TwilioCredentials("AC" + "0" * 32, (secret,)).to_json()
    world.execute(
        """UPDATE channels SET credentials = %(sealed)s, credentials_version = credentials_version + 1
            WHERE id = %(id)s""",
        sealed=vault.seal(credentials, twilio_context(organization_id, channel_id)),
        id=channel_id,
    )


def by_key(db: Database, vault: Vault = FORWARD) -> dict[str, int]:
    (census,) = [found for found in take_census(db, vault) if found.column.purpose == TWILIO_CREDENTIALS]
    return census.by_key


def rotated(db: Database, vault: Vault, purpose: str = TWILIO_CREDENTIALS, **options: Any) -> Rotation:
    """A rotation of everything; what became of the secrets of one purpose."""
    (done,) = [found for found in rotate_keys(db, vault, **options) if found.column.purpose == purpose]
    return done


class TestRotation:
    def test_everything_moves_and_the_old_key_may_go(self, world: World, db: Database, lines: list[Line]):
        assert by_key(db) == {"test-1": 7}
        done = rotated(db, FORWARD, batch=3)
        assert (done.current, done.moved, done.overtaken, done.broken) == (0, 7, 0, ())
        assert by_key(db) == {"test-2": 7}
        alone = local(NEW, "test-2")
        assert [token(world, line, alone) for line in lines] == [line.auth_token for line in lines]

    def test_the_secret_of_a_second_factor_moves_too(self, world: World, db: Database):
        org = world.organization()
        user = world.user(org)
        context = SealContext(org.id, "second_factor", user)
        row = {"organization_id": org.id, "user_id": user, "created_at": world.clock.now}
        world._insert("second_factors", {**row, "secret": BACK.seal(b"12345678901234567890", context)})
        rotate_keys(db, FORWARD)
        sealed = world.value("SELECT secret FROM second_factors")
        assert local(NEW, "test-2").open(sealed, context) == b"12345678901234567890"

    def test_before_it_the_old_key_still_opens(self, world: World, lines: list[Line]):
        assert [token(world, line) for line in lines] == [line.auth_token for line in lines]

    def test_a_second_one_finds_nothing_to_do(self, world: World, db: Database, lines: list[Line]):
        rotate_keys(db, FORWARD)
        before = [stored(world, line) for line in lines]
        done = rotated(db, FORWARD)
        assert (done.current, done.moved) == (7, 0)
        assert [stored(world, line) for line in lines] == before

    @pytest.mark.parametrize("batch", [1, 2, 7, 8])
    def test_the_size_of_a_batch_changes_nothing(
        self, world: World, db: Database, lines: list[Line], batch: int
    ):
        done = rotated(db, FORWARD, batch=batch)
        assert done.moved == 7

    def test_a_dry_run_says_the_same_and_writes_nothing(self, world: World, db: Database, lines: list[Line]):
        before = [stored(world, line) for line in lines]
        done = rotated(db, FORWARD, dry_run=True, batch=2)
        assert (done.current, done.moved) == (0, 7)
        assert [stored(world, line) for line in lines] == before

    def test_the_version_stays_so_that_what_is_kept_opened_stays_good(
        self, world: World, db: Database, lines: list[Line]
    ):
        rotate_keys(db, FORWARD)
        assert world.rows("SELECT DISTINCT credentials_version AS v FROM channels") == [{"v": 1}]

    def test_channels_of_every_kind_move(self, world: World, db: Database, lines: list[Line]):
        org = world.organization("Fourth")
        others = [world.whatsapp_line(org), world.lead_page(org)]
        meta = rotated(db, FORWARD, META_CREDENTIALS)
        assert (meta.moved, meta.broken) == (2, ())
        for line in others:
            blob = world.value("SELECT credentials FROM channels WHERE id = %(id)s", id=line.id)
            opened = local(NEW, "test-2").open(blob, meta_context(org.id, line.id))
            assert MetaCredentials.from_json(opened).app_secrets == (line.app_secret,)

    def test_with_no_channel_at_all(self, world: World, db: Database):
        done = rotated(db, FORWARD)
        assert (done.current, done.moved, done.overtaken, done.broken) == (0, 0, 0, ())


class TestBroken:
    def test_O6_two_tenants_blobs_swapped_open_for_neither_and_stop_nobody(
        self, world: World, db: Database, lines: list[Line]
    ):
        mine, theirs = stored(world, lines[0]), stored(world, lines[1])
        for line, blob in ((lines[0], theirs), (lines[1], mine)):
            world.execute("UPDATE channels SET credentials = %(b)s WHERE id = %(id)s", b=blob, id=line.id)
        done = rotated(db, FORWARD, batch=2)
        assert set(done.broken) == {lines[0].id, lines[1].id}
        assert done.moved == 5
        assert (stored(world, lines[0]), stored(world, lines[1])) == (theirs, mine), "left as they were"
        for line in lines[:2]:
            with pytest.raises(SealBroken):
                token(world, line)

    @pytest.mark.parametrize("blob", [b"", b"\x01", b"plain text", bytes(200)])
    def test_O6_what_is_no_blob_is_counted(self, world: World, db: Database, lines: list[Line], blob: bytes):
        world.execute("UPDATE channels SET credentials = %(b)s WHERE id = %(id)s", b=blob, id=lines[3].id)
        done = rotated(db, FORWARD)
        assert done.broken == (lines[3].id,)
        (census,) = [
            found for found in take_census(db, FORWARD) if found.column.purpose == TWILIO_CREDENTIALS
        ]
        assert (census.by_key, census.unknown) == ({"test-2": 6}, 1)

    def test_a_key_that_is_not_given_leaves_its_blobs(self, world: World, db: Database, lines: list[Line]):
        done = rotated(db, local(NEW, "test-2"))
        assert (done.moved, len(done.broken)) == (0, 7)
        assert by_key(db) == {"test-1": 7}


class TestInterrupted:
    def test_killed_in_the_middle_it_goes_on_from_there(self, world: World, db: Database, lines: list[Line]):
        """Whatever ends it, before a batch is written or after: the rest is done by the next one."""

        class Killed(BaseException):
            pass

        for survives in (0, 1, 2, 3, 5):
            left = iter(range(survives))

            def die(_context: SealContext, left: Iterator[int] = left) -> None:
                if next(left, None) is None:
                    raise Killed

            with pytest.raises(Killed):
                rotate_keys(db, Vault(Interfering(LocalKeys(BOTH, "test-2"), die)), batch=2)
            moved = by_key(db).get("test-2", 0)
            assert moved == survives // 2 * 2, "whole batches stay, the one under way does not"
            assert [token(world, line) for line in lines] == [line.auth_token for line in lines]

            done = rotated(db, FORWARD)
            assert (done.current, done.moved) == (moved, 7 - moved)
            rotate_keys(db, BACK)

    def test_a_process_killed_with_SIGKILL_leaves_whole_blobs_and_the_next_one_ends_it(
        self, world: World, db: Database, lines: list[Line]
    ):
        lines += [world.line(world.organization()) for _ in range(400)]
        environment = {
            **os.environ,
            "DATABASE_URL": world.database.url(),
            "LEADSRALLY_ROLE_KEY": base64.b64encode(b"r" * 32).decode(),
            "LEADSRALLY_MASTER_KEYS": f"test-2={'bm5u' * 10}bm4=,{SETTINGS['LEADSRALLY_MASTER_KEYS']}",
        }
        rotating = [sys.executable, "-m", "infra.local.command", "keys", "rotate", "--batch"]
        with subprocess.Popen([*rotating, "1"], env=environment, stdout=subprocess.PIPE) as process:
            while by_key(db).get("test-2", 0) < 20:
                assert process.poll() is None
            process.kill()
        moved = by_key(db)["test-2"]
        assert 20 <= moved < len(lines), "it was killed in the middle"
        assert all(token(world, line) == line.auth_token for line in lines)

        said = subprocess.run([*rotating, "50"], env=environment, check=True, capture_output=True, text=True)
        assert f"{moved} were current · {len(lines) - moved} moved" in said.stdout
        assert by_key(db) == {"test-2": len(lines)}

    def test_a_key_service_that_goes_away_ends_it_and_keeps_what_was_done(
        self, world: World, db: Database, lines: list[Line]
    ):
        left = iter(range(4))

        def away(_context: SealContext) -> None:
            if next(left, None) is None:
                raise Unavailable("The key service does not answer.", code="key_service")

        with pytest.raises(Unavailable):
            rotate_keys(db, Vault(Interfering(LocalKeys(BOTH, "test-2"), away)), batch=2)
        assert by_key(db) == {"test-2": 4, "test-1": 3}


class TestRace:
    def test_a_secret_that_is_replaced_meanwhile_stands(self, world: World, db: Database, lines: list[Line]):
        """Each channel gets a new token between the reading of its blob and the writing: none is lost."""
        fresh: dict[UUID, str] = {}

        def replace(context: SealContext) -> None:
            if context.row_id not in fresh:
                fresh[context.row_id] = f"fresh-{len(fresh)}"
                put(world, context.organization_id, context.row_id, fresh[context.row_id])

        done = rotated(db, Vault(Interfering(LocalKeys(BOTH, "test-2"), replace)), batch=3)
        assert {line.id: token(world, line) for line in lines} == fresh
        assert (done.moved, done.overtaken) == (7, 0), "what was overtaken was moved by another pass"
        assert by_key(db) == {"test-2": 7}

    def test_one_that_is_always_overtaken_ends_and_says_so(
        self, world: World, db: Database, lines: list[Line]
    ):
        def replace(context: SealContext) -> None:
            put(world, context.organization_id, context.row_id, "again")

        done = rotated(db, Vault(Interfering(LocalKeys(BOTH, "test-2"), replace)), batch=3)
        assert (done.moved, done.overtaken) == (0, 7)

    def test_a_channel_that_goes_meanwhile_is_no_error(self, world: World, db: Database, lines: list[Line]):
        def remove(context: SealContext) -> None:
            world.execute("DELETE FROM channels WHERE id = %(id)s", id=context.row_id)

        done = rotated(db, Vault(Interfering(LocalKeys(BOTH, "test-2"), remove)))
        assert (done.moved, done.overtaken) == (0, 0)

    @pytest.mark.parametrize("seed", range(5))
    def test_any_order_of_rotations_and_replacements_keeps_the_last_token(
        self, world: World, db: Database, lines: list[Line], seed: int
    ):
        """Two rotations to different keys and replacements by old and new processes, one inside the other."""
        chance = random.Random(seed)
        wanted = {line.id: line.auth_token for line in lines}
        depth = 0

        def something(_context: SealContext) -> None:
            nonlocal depth
            if depth < 2 and chance.random() < 0.5:
                depth += 1
                if chance.random() < 0.3:
                    current = chance.choice(list(BOTH))
                    rotate_keys(db, Vault(Interfering(LocalKeys(BOTH, current), something)), batch=2)
                else:
                    line = chance.choice(lines)
                    wanted[line.id] = f"token-{chance.random()}"
                    put(
                        world,
                        line.organization_id,
                        line.id,
                        wanted[line.id],
                        chance.choice([FORWARD, BACK]),
                    )
                depth -= 1

        for current in ("test-2", "test-1", "test-2"):
            rotate_keys(db, Vault(Interfering(LocalKeys(BOTH, current), something)), batch=3)
        assert {line.id: token(world, line) for line in lines} == wanted
        rotate_keys(db, FORWARD)
        assert by_key(db) == {"test-2": 7}

    def test_webhooks_verify_all_the_while(self, world: World, db: Database, lines: list[Line]):
        """Threads: texts at every channel, whose credentials are opened anew each time, while keys change."""
        function = world.functions["webhook_twilio"]
        encoded = f"{SETTINGS['LEADSRALLY_MASTER_KEYS']},test-2={'bm5u' * 10}bm4="
        assert Settings({"LEADSRALLY_MASTER_KEYS": encoded}).keys("LEADSRALLY_MASTER_KEYS") == BOTH
        values = {**SETTINGS, "LEADSRALLY_MASTER_KEYS": encoded}
        values["DATABASE_URL"] = world.database.url("leadsrally_webhook_twilio")
        runtime.of("webhook_twilio").db.close()
        door = Runtime(
            "webhook_twilio", Settings(values, function.settings), clock=world.clock, connections=4
        )
        runtime.install(door)
        statuses: list[int] = []
        stop = threading.Event()

        def text(line: Line) -> None:
            while not stop.is_set():
                door.twilio_channels._kept.clear()
                statuses.append(world.text(line, "hi").status)

        threads = [threading.Thread(target=text, args=(line,)) for line in lines[:3]]
        for thread in threads:
            thread.start()
        try:
            rounds = 0
            while rounds < 10 or len(statuses) < 60:
                rotate_keys(db, (FORWARD, BACK)[rounds % 2], batch=2)
                rounds += 1
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert set(statuses) == {200}, f"{len(statuses)} texts, {rounds} rotations"


class TestCommand:
    @pytest.fixture
    def installed(self, world: World) -> Installation:
        keys = f"test-2={'bm5u' * 10}bm4=,{SETTINGS['LEADSRALLY_MASTER_KEYS']}"
        return Installation(world.database.url, False, {"LEADSRALLY_MASTER_KEYS": keys}, b"r" * 32)

    def test_it_lists_moves_and_lists(
        self, installed: Installation, lines: list[Line], capsys: pytest.CaptureFixture[str]
    ):
        assert command.list_keys(installed) == 0
        said = capsys.readouterr().out.partition("channels.credentials")[2]
        assert [row.split() for row in said.splitlines() if "test-" in row][:2] == [
            ["test-2", "current", "0"],
            ["test-1", "opens", "7"],
        ]
        assert command.rotate(installed, dry_run=True, batch=2) == 0
        assert "0 were current · 7 would be moved" in capsys.readouterr().out
        assert command.rotate(installed, dry_run=False, batch=2) == 0
        assert "0 were current · 7 moved" in capsys.readouterr().out
        assert command.list_keys(installed) == 0
        assert "test-1                                   opens                  0" in capsys.readouterr().out

    def test_a_key_that_is_not_given_is_named(
        self, world: World, lines: list[Line], capsys: pytest.CaptureFixture[str]
    ):
        alone = Installation(
            world.database.url, False, {"LEADSRALLY_MASTER_KEYS": f"test-3={'bm5u' * 10}bm4="}, b"r" * 32
        )
        assert command.list_keys(alone) == 1
        assert "test-1                                   NOT GIVEN HERE         7" in capsys.readouterr().out
        assert command.rotate(alone, dry_run=False, batch=2) == 1
        said = capsys.readouterr().out
        assert "7 do not open" in said
        assert str(lines[0].id) in said

    def test_no_secret_is_printed(
        self, installed: Installation, lines: list[Line], capfd: pytest.CaptureFixture[str]
    ):
        with suppress(SystemExit):
            command.rotate(installed, dry_run=False, batch=2)
            command.list_keys(installed)
        said = "".join(capfd.readouterr())
        assert not any(secret in said for secret in (lines[0].auth_token, lines[0].number, "bm5u"))
