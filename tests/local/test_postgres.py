"""The embedded Postgres leaves the machine as it was, ends with its parent and begins again after a crash."""

import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from infra.local import postgres, postgres_place
from infra.local.postgres import EmbeddedPostgres, erase
from leadsrally.kit.errors import Misconfigured
from tests.database import throwaway_directory

FAST = {"fsync": "off", "shared_buffers": "16MB", "max_connections": "20", "autovacuum": "off"}
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the server as somebody else")
linux = pytest.mark.skipif(sys.platform != "linux", reason="needs prctl and /proc")

# Starts the server, says where it is and stays. What it does first comes from the test.
PARENT = """
import sys, time
from pathlib import Path
from infra.local import postgres
{first}
server = postgres.EmbeddedPostgres.start(Path(sys.argv[1]), settings={settings!r})
print(server._process.pid, server.url(), flush=True)
time.sleep(60)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """A path that does not exist yet, in a directory that every user may pass through."""
    above = throwaway_directory()
    yield above / "home"
    erase(above / "home")
    shutil.rmtree(above)


@pytest.fixture(scope="module")
def made() -> Iterator[Path]:
    """A cluster that was started and stopped once, to be copied: quicker than making one."""
    above = throwaway_directory()
    EmbeddedPostgres.start(above / "home", settings=FAST).stop()
    yield above / "home"
    shutil.rmtree(above)


@pytest.fixture
def used(home: Path, made: Path) -> Path:
    """A place with a cluster in it that is not running."""
    subprocess.run(["cp", "-a", made, home], check=True)
    return home


def begin(home: Path, first: str = "") -> subprocess.Popen[str]:
    script = PARENT.format(first=first, settings=FAST)
    return subprocess.Popen([sys.executable, "-c", script, home], stdout=subprocess.PIPE, text=True)


def told(parent: subprocess.Popen[str]) -> tuple[int, str]:
    assert parent.stdout is not None
    pid, url = parent.stdout.readline().split()
    return int(pid), url


def kill(parent: subprocess.Popen[str]) -> None:
    parent.kill()
    parent.communicate()


def eventually(true: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def alive_in(home: Path) -> list[int]:
    return postgres._servers(home / "data")


def test_it_serves_utf8_in_utc_on_a_socket_only(used: Path) -> None:
    with EmbeddedPostgres.start(used, settings=FAST) as server, psycopg.connect(server.url()) as session:
        shown = {
            name: session.execute(f"SHOW {name}").fetchone()[0]
            for name in ("server_encoding", "timezone", "listen_addresses", "log_min_messages", "fsync")
        }
    assert shown == {
        "server_encoding": "UTF8",
        "timezone": "UTC",
        "listen_addresses": "",
        "log_min_messages": "log",
        "fsync": "off",
    }


def test_the_settings_of_a_laptop_are_durable() -> None:
    assert postgres._SETTINGS["fsync"] == "on"
    assert postgres._SETTINGS["synchronous_commit"] == "on"


def test_the_log_never_quotes_a_value(used: Path) -> None:
    with (
        EmbeddedPostgres.start(used, settings=FAST) as server,
        psycopg.connect(server.url(), autocommit=True) as session,
    ):
        session.execute("CREATE TABLE people (phone text UNIQUE, age int CHECK (age > 0))")
        session.execute("INSERT INTO people VALUES ('+15005550006', 1)")
        for statement, value in [
            ("INSERT INTO people VALUES (%s, 1)", "+15005550006"),  # the detail would quote the key
            ("SELECT %s::text::int", "+15005550006 Ada"),  # the sentence itself quotes the value
            ("INSERT INTO people VALUES ('+15005550006', 0)", None),  # the statement holds it
        ]:
            with pytest.raises(psycopg.Error):
                session.execute(statement, None if value is None else (value,))
    log = (used / "postgres.log").read_text()
    assert "ready to accept connections" in log
    assert "+1500" not in log


def test_only_its_own_user_may_enter(used: Path) -> None:
    with EmbeddedPostgres.start(used, settings=FAST) as server:
        modes = {name: stat.S_IMODE((used / name).stat().st_mode) for name in ("data", "run", "postgres.log")}
        assert psutil.Process(server._process.pid).uids().real == (used / "run").stat().st_uid
    assert modes == {"data": 0o700, "run": 0o700, "postgres.log": 0o600}
    assert not (used / "run").exists()


@pytest.mark.parametrize("watched", ["prctl", "pipe"])
def test_it_ends_when_its_parent_is_killed_and_keeps_what_was_committed(used: Path, watched: str) -> None:
    if watched == "prctl" and sys.platform != "linux":
        pytest.skip("needs prctl")
    # Without prctl, as on macOS, a child that watches a pipe does the same.
    parent = begin(used, first="postgres._LINUX = False" if watched == "pipe" else "")
    pid, url = told(parent)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n")
    kill(parent)
    assert eventually(lambda: gone(pid), 5)
    with EmbeddedPostgres.start(used, settings=FAST) as server, psycopg.connect(server.url()) as session:
        assert session.execute("SELECT count(*) FROM kept").fetchone() == (1000,)


def test_it_starts_at_once_behind_a_killed_parent(used: Path) -> None:
    """A restart does not lose the race with the old server's shutdown."""
    parent = begin(used)
    _, url = told(parent)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE TABLE kept (n int)")
        parent.kill()
        with EmbeddedPostgres.start(used, settings=FAST) as server, psycopg.connect(server.url()) as again:
            assert again.execute("SELECT count(*) FROM kept").fetchone() == (0,)
    parent.communicate()


def test_it_recovers_when_the_server_and_its_parent_are_killed(used: Path) -> None:
    parent = begin(used)
    pid, url = told(parent)
    with psycopg.connect(url, autocommit=True) as session:
        session.execute("CREATE TABLE kept AS SELECT 1 AS n")
        os.kill(pid, signal.SIGKILL)
    kill(parent)
    assert (used / "data/postmaster.pid").exists()
    with EmbeddedPostgres.start(used, settings=FAST) as server, psycopg.connect(server.url()) as session:
        assert session.execute("SELECT n FROM kept").fetchone() == (1,)


@linux
def test_a_stale_pid_file_naming_a_living_process_is_seen_through(used: Path) -> None:
    """After a restart of a container the old number may be anybody's."""
    account = postgres_place._account(used / "data")
    bystander = subprocess.Popen(["sleep", "60"], cwd="/", **account.arguments)
    try:
        lock = used / "data/postmaster.pid"
        lock.write_text(
            f"{bystander.pid}\n{used / 'data'}\n1700000000\n5432\n{used / 'run'}\n\n  1 1\nready\n"
        )
        account.give(lock)
        with EmbeddedPostgres.start(used, settings=FAST) as server:
            psycopg.connect(server.url()).close()
    finally:
        bystander.kill()
        bystander.wait()


def test_a_second_start_says_who_runs_it(used: Path) -> None:
    with EmbeddedPostgres.start(used, settings=FAST) as server:
        with pytest.raises(Misconfigured, match=rf"already running on .* \(process {os.getpid()}\): stop it"):
            EmbeddedPostgres.start(used, settings=FAST)
        with pytest.raises(Misconfigured, match="already running"):
            erase(used)
        psycopg.connect(server.url()).close()


def test_it_stops_twice_and_with_sessions_open(used: Path) -> None:
    server = EmbeddedPostgres.start(used, settings=FAST)
    session = psycopg.connect(server.url())
    session.execute("SELECT 1")  # a transaction is open
    server.stop()
    server.stop()
    assert alive_in(used) == []
    session.close()


def test_an_interrupted_initdb_is_done_again(home: Path) -> None:
    parent = begin(home)
    assert eventually(lambda: any(home.glob("data.new-*/base")), 10)
    kill(parent)
    assert not (home / "data").exists()
    assert list(home.glob("data.new-*"))
    with EmbeddedPostgres.start(home, settings=FAST) as server:
        psycopg.connect(server.url()).close()
    assert not list(home.glob("data.new-*"))


def test_a_deep_path_gets_a_short_socket(home: Path, made: Path) -> None:
    deep = home / ("d" * 60) / ("e" * 60)
    deep.parent.mkdir(parents=True)
    subprocess.run(["cp", "-a", made, deep], check=True)
    with EmbeddedPostgres.start(deep, settings=FAST) as server:
        sockets = server._sockets
        assert len(str(sockets)) < 60
        assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
        psycopg.connect(server.url()).close()
    assert not sockets.exists()
    shutil.rmtree(home)


def test_a_path_with_odd_characters_works(home: Path, made: Path) -> None:
    odd = home / 'it\'s a "place", ünder %2F here'
    home.mkdir()
    subprocess.run(["cp", "-a", made, odd], check=True)
    with EmbeddedPostgres.start(odd, settings=FAST) as server:
        psycopg.connect(server.url()).close()
    shutil.rmtree(home)


def test_another_major_version_is_one_sentence(used: Path) -> None:
    (used / "data/PG_VERSION").write_text("16\n")
    with pytest.raises(
        Misconfigured, match=r"written by PostgreSQL 16, and the programs here are PostgreSQL \d\d: "
    ):
        EmbeddedPostgres.start(used, settings=FAST)


def test_a_foreign_directory_is_one_sentence(home: Path) -> None:
    (home / "data").mkdir(parents=True)
    if os.geteuid() == 0:
        with pytest.raises(Misconfigured, match="belongs to root"):
            EmbeddedPostgres.start(home, settings=FAST)
        os.chown(home / "data", 65534, 65534)
    with pytest.raises(Misconfigured, match="is not a Postgres data directory"):
        EmbeddedPostgres.start(home, settings=FAST)


def test_a_server_that_cannot_start_says_why_in_one_sentence(used: Path) -> None:
    with pytest.raises(Misconfigured, match=r"Postgres did not start: .*max_connections") as refused:
        EmbeddedPostgres.start(used, settings={**FAST, "max_connections": "none"})
    assert "\n" not in refused.value.sentence
    assert not (used / "run").exists()
    EmbeddedPostgres.start(used, settings=FAST).stop()  # and the place is free again


def test_pg_bin_names_other_programs(used: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PG_BIN", "/nonexistent")
    with pytest.raises(Misconfigured, match="PG_BIN is /nonexistent"):
        EmbeddedPostgres.start(used, settings=FAST)
    monkeypatch.delenv("PG_BIN")
    monkeypatch.setenv("PG_BIN", str(postgres_place.installed_programs()))
    EmbeddedPostgres.start(used, settings=FAST).stop()


def test_another_thread_may_not_start_it(home: Path) -> None:
    refused: list[BaseException] = []

    def attempt() -> None:
        try:
            EmbeddedPostgres.start(home)
        except RuntimeError as error:
            refused.append(error)

    thread = threading.Thread(target=attempt)
    thread.start()
    thread.join()
    assert "main thread" in str(refused[0])


@as_root
def test_root_behind_a_closed_door_moves_the_data_and_opens_nothing(home: Path) -> None:
    home.mkdir()
    home.chmod(0o700)
    inside = home / "project/.leadsrally/postgres"
    said: list[str] = []
    before = {path: path.stat().st_mode for path in (*inside.parents, Path("/var/tmp")) if path.exists()}
    try:
        with EmbeddedPostgres.start(inside, settings=FAST, say=said.append) as server:
            psycopg.connect(server.url()).close()
            assert server.home.parent == Path("/var/tmp")
            assert stat.S_IMODE((server.home / "data").stat().st_mode) == 0o700
        assert {path: path.stat().st_mode for path in before} == before
        assert len(said) == 1
        assert str(server.home) in said[0]
        home.chmod(0o755)  # the door opens later: the data are still found
        with EmbeddedPostgres.start(inside, settings=FAST, say=said.append) as again:
            assert again.home == server.home
    finally:
        erase(inside)
    assert not server.home.exists()


@as_root
def test_root_with_programs_behind_a_closed_door_runs_a_copy(
    home: Path, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = postgres_place.installed_programs()
    closed = home.parent / "closed"
    package = closed / real.parents[1].name
    package.mkdir(parents=True)
    shutil.copytree(
        real.parent, package / real.parent.name, symlinks=True, ignore=shutil.ignore_patterns("include")
    )
    libraries = real.parents[1].with_name(f"{real.parents[1].name}.libs")
    shutil.copytree(libraries, closed / libraries.name, symlinks=True)
    closed.chmod(0o700)
    monkeypatch.setattr(postgres_place, "installed_programs", lambda: package / real.parent.name / "bin")
    subprocess.run(["cp", "-a", made, home], check=True)
    said: list[str] = []
    with EmbeddedPostgres.start(home, settings=FAST, say=said.append) as server:
        psycopg.connect(server.url()).close()
        assert server.home == home
    assert "its programs are in /var/tmp/" in said[0]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700


@as_root
def test_root_keeps_a_plain_users_data_that_users(used: Path) -> None:
    """`sudo make up` once does not lock the user out."""
    owner = pwd.getpwnam("daemon")
    subprocess.run(["chown", "-R", "daemon:", used / "data"], check=True)
    with EmbeddedPostgres.start(used, settings=FAST) as server:
        assert psutil.Process(server._process.pid).uids().real == owner.pw_uid
    assert (used / "data").stat().st_uid == owner.pw_uid
    assert (used / "data/PG_VERSION").stat().st_uid == owner.pw_uid


@as_root
def test_a_plain_user_runs_it_as_itself(home: Path) -> None:
    """The other tests, run as root, never see the plain way; here a system interpreter takes it."""
    system = "/usr/bin/python3"
    user = pwd.getpwnam("daemon")
    as_user = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "cwd": "/"}
    paths = [Path(psycopg.__file__).parents[1], Path(postgres.__file__).parents[2]]
    environment = {"PYTHONPATH": os.pathsep.join([*map(str, paths), str(paths[1] / "shared")])}
    usable = subprocess.run(
        [system, "-c", "import psycopg, infra.local.postgres"],
        env=environment,
        check=False,
        capture_output=True,
        **as_user,
    )
    if usable.returncode:
        pytest.skip("no interpreter here that another user may run with this project's packages")
    os.chown(home.parent, user.pw_uid, user.pw_gid)
    plain = subprocess.Popen(
        [system, "-c", PARENT.format(first="", settings=FAST), home],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        **as_user,
    )
    pid, url = told(plain)
    assert psutil.Process(pid).uids().real == user.pw_uid
    psycopg.connect(url).close()
    kill(plain)
    assert eventually(lambda: gone(pid), 5)
    assert {path.stat().st_uid for path in home.iterdir()} == {user.pw_uid}
