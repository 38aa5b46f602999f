"""The embedded Postgres of a laptop and of the tests: a real server that lives exactly as long as its parent.

It listens on a unix socket only, in a directory private to its user. Its log names what happened to the
server and never what was in a statement.
"""

import ctypes
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from infra.local.postgres_place import Place, Say, find, private_directory, settle
from leadsrally.kit.errors import Misconfigured

DATA_HOME = Path(".leadsrally/postgres")
_SOCKET_BYTES = 107 if sys.platform == "linux" else 103  # sockaddr_un.sun_path, less its closing zero
_SOCKET = ".s.PGSQL.5432"
_LOG_BYTES = 10_000_000
_LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG = 1

# The log level `log` lies above `error` in a server's log (PostgreSQL manual, "Message Severity Levels").
# The sentence of an error may quote the value that caused it, so errors go to the client only.
_SETTINGS: Mapping[str, str] = MappingProxyType(
    {
        "listen_addresses": "",
        "unix_socket_permissions": "0700",
        "max_connections": "120",
        "fsync": "on",
        "synchronous_commit": "on",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "logging_collector": "off",
        "log_min_messages": "log",
        "log_min_error_statement": "panic",
        "log_error_verbosity": "terse",
        "log_statement": "none",
        "log_checkpoints": "off",
        "log_parameter_max_length": "0",
        "log_parameter_max_length_on_error": "0",
    }
)
_NONE: Mapping[str, str] = MappingProxyType({})


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)


class EmbeddedPostgres:
    """A running server. Stop it, or use it as a context manager; it also ends when this process ends."""

    def __init__(
        self,
        place: Place,
        sockets: Path,
        lock: int,
        process: subprocess.Popen[bytes],
        watchdog: subprocess.Popen[bytes] | None,
    ) -> None:
        self.home = place.home
        self._sockets = sockets
        self._lock: int | None = lock
        self._process = process
        self._watchdog = watchdog

    @classmethod
    def start(
        cls, data_home: Path = DATA_HOME, *, settings: Mapping[str, str] = _NONE, say: Say = _say
    ) -> Self:
        """Start the cluster in `data_home`, making it the first time, and return once it takes connections.

        `settings` are Postgres settings that differ from ours. `say` gets one line when root starts it where
        `nobody` cannot go and the files therefore lie elsewhere (`home` says where).

        Raises `Misconfigured`, in one sentence that says what to do, when another process already runs it,
        when its data are of another major version, or when the server does not start within a minute.
        Call it from the main thread: Linux ends the server with the thread that started it.
        """
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError(
                "start the embedded Postgres from the main thread, whose end also ends the server"
            )
        place = settle(data_home, say)
        lock = _lock(place.home)
        try:
            return cls._start(place, lock, {**_SETTINGS, **settings})
        except BaseException:
            os.close(lock)
            raise

    @classmethod
    def _start(cls, place: Place, lock: int, settings: Mapping[str, str]) -> Self:
        data = place.home / "data"
        major = _major(place)
        _await_predecessor(data)
        for broken in place.home.glob("data.new-*"):
            shutil.rmtree(broken, ignore_errors=True)
        if not data.exists():
            _initialise(place, data, major, sync=settings["fsync"] != "off")
        _check_version(data, major)
        sockets = _socket_directory(place)
        log = place.home / "postgres.log"
        if log.exists() and log.stat().st_size > _LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        told = log.stat().st_size if log.exists() else 0
        process = _launch(place, data, sockets, log, settings)
        server = cls(place, sockets, lock, process, None if _LINUX else _watch(process.pid))
        try:
            server._await_ready(log, told)
        except BaseException:
            server._end()
            raise
        return server

    def url(self, dbname: str = "postgres", user: str = "postgres") -> str:
        """A libpq URL over the unix socket. The embedded server has no TLS and no passwords."""
        host = quote(str(self._sockets), safe="")
        return f"postgresql://{quote(user, safe='')}@/{quote(dbname, safe='')}?host={host}&port=5432&sslmode=disable"

    def stop(self) -> None:
        """Shut down in order, ending open sessions; after 20 s without order. Harmless when repeated."""
        if self._lock is None:
            return
        self._end()
        os.close(self._lock)
        self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _end(self) -> None:
        if self._watchdog is not None:
            self._watchdog.kill()
            self._watchdog.communicate()
        for how, seconds in ((signal.SIGINT, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            with suppress(ProcessLookupError):
                self._process.send_signal(how)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)
                break
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _await_ready(self, log: Path, told: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            time.sleep(0.02)
        with log.open("rb") as file:
            file.seek(told)
            lines = file.read().decode(errors="replace").splitlines()
        reason = next((line for line in lines if "FATAL:" in line), lines[-1] if lines else "it said nothing")
        raise Misconfigured(f"Postgres did not start: {reason} (its log is {log})")


def erase(data_home: Path = DATA_HOME) -> None:
    """Remove the cluster that `data_home` names, with its log. Raises `Misconfigured` while it runs."""
    for home in find(data_home):
        lock = _lock(home)
        try:
            _await_predecessor(home / "data")
            for name in ("data", "run"):
                shutil.rmtree(home / name, ignore_errors=True)
            for pattern in ("data.new-*", "programs*", "programs.new-*"):
                for left in home.glob(pattern):
                    shutil.rmtree(left, ignore_errors=True)
            for name in ("postgres.log", "postgres.log.1", "lock"):
                (home / name).unlink(missing_ok=True)
            with suppress(OSError):  # somebody keeps other things there
                home.rmdir()
        finally:
            os.close(lock)


def _lock(home: Path) -> int:
    """Hold the place for the life of this process; the kernel lets go of it however the process ends."""
    path = home / "lock"
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as refused:
        raise Misconfigured(
            f"Cannot use the data directory {home}: {refused.strerror}. It may have been made by another user; "
            "start as that user, or choose another directory."
        ) from refused
    deadline = time.monotonic() + 0.5  # a process that was just killed lets go as it dies
    while not _taken(lock):
        if time.monotonic() > deadline:
            holder = os.read(lock, 20).decode(errors="replace").strip() or "another"
            os.close(lock)
            raise Misconfigured(
                f"LeadsRally is already running on {home} (process {holder}): stop it first, or choose another "
                "data directory."
            )
        time.sleep(0.02)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _await_predecessor(data: Path) -> None:
    """Let a server whose parent has died finish its shutdown, then remove the traces it had no time to."""
    deadline = time.monotonic() + 15
    while running := _servers(data):
        if time.monotonic() > deadline:
            raise Misconfigured(
                f"A Postgres server is still running on {data} (process {running[0]}): stop it with `kill -INT {running[0]}` "
                "and start again."
            )
        time.sleep(0.05)
    if _LINUX:
        # Its process id may by now be another program's, which Postgres would take for a running server.
        (data / "postmaster.pid").unlink(missing_ok=True)


def _servers(data: Path) -> list[int]:
    """The processes of a server on `data`: the postmaster, and backends that outlive a killed one."""
    if not _LINUX:
        with suppress(OSError, ValueError):
            pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
            return [pid]
        return []
    found: list[int] = []
    where = os.path.realpath(data)  # every Postgres process works in its data directory
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if str((entry / "cwd").readlink()) == where and (entry / "comm").read_text() == "postgres\n":
                    found.append(int(entry.name))
    return sorted(found)


def _major(place: Place) -> int:
    """The major version of the programs."""
    told = subprocess.run(
        [place.bin / "postgres", "--version"],
        cwd="/",
        env=_environment(),
        capture_output=True,
        check=False,
        timeout=30,
        **place.account.arguments,
    )
    words = told.stdout.decode().split()  # "postgres (PostgreSQL) 18.4 …"
    if told.returncode or len(words) < 3:
        raise Misconfigured(f"{place.bin / 'postgres'} does not run here: {told.stderr.decode().strip()}")
    return int("".join(c if c.isdigit() else " " for c in words[2]).split()[0])


def _initialise(place: Place, data: Path, major: int, *, sync: bool) -> None:
    """Make the cluster beside its final place and rename it there whole, so that half of one never counts."""
    fresh = Path(tempfile.mkdtemp(prefix="data.new-", dir=place.home))
    place.account.give(fresh)
    command = [place.bin / "initdb", "-D", fresh, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"]
    if major >= 17:
        command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    if not sync:
        command += ["--no-sync"]
    made = subprocess.run(
        command,
        cwd="/",
        env=_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        preexec_fn=_die_with_parent(signal.SIGKILL),
        **place.account.arguments,
    )
    if made.returncode:
        shutil.rmtree(fresh, ignore_errors=True)
        raise Misconfigured(f"Postgres could not make its data directory: {made.stderr.decode().strip()}")
    fresh.rename(data)


def _check_version(data: Path, major: int) -> None:
    try:
        written = (data / "PG_VERSION").read_text().strip()
    except OSError:
        raise Misconfigured(
            f"{data} is not a Postgres data directory that this user can read. Move it away, or start as its owner."
        ) from None
    if written != str(major):
        raise Misconfigured(
            f"The data in {data} were written by PostgreSQL {written}, and the programs here are PostgreSQL {major}: "
            f"point PG_BIN at PostgreSQL {written}, or start afresh with `make db-reset`."
        )


def _socket_directory(place: Place) -> Path:
    """`run/` in the place of the cluster, or a short directory of its own when no socket can have that path."""
    sockets = place.home / "run"
    # A comma would divide two hosts in a libpq URL, and nothing quotes it there.
    if len(os.fsencode(sockets / _SOCKET)) > _SOCKET_BYTES or "," in str(sockets):
        sockets = Path(tempfile.mkdtemp(prefix="leadsrally-", dir="/tmp"))
        place.account.give(sockets)
        return sockets
    shutil.rmtree(sockets, ignore_errors=True)  # what a killed server left
    private_directory(sockets, place.account)
    return sockets


def _launch(
    place: Place, data: Path, sockets: Path, log: Path, settings: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    quoted = str(sockets).replace('"', '""')
    command: list[str | Path] = [
        place.bin / "postgres",
        "-D",
        data,
        "-c",
        f'unix_socket_directories="{quoted}"',
    ]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    out = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        return subprocess.Popen(
            command,
            cwd="/",
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            # Ctrl-C is for the host, which stops the server when its own work has ended.
            start_new_session=True,
            # Safe: the main thread forks, and the function makes two system calls.
            preexec_fn=_die_with_parent(signal.SIGINT),  # noqa: PLW1509
            **place.account.arguments,
        )
    finally:
        os.close(out)


def _environment() -> dict[str, str]:
    # Nothing of ours is handed on: neither PGOPTIONS and its like, nor a secret that `nobody` could read.
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return {**kept, "LC_ALL": "C"}


def _die_with_parent(how: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before its program so that the kernel ends it together with us (Linux)."""
    if not _LINUX:
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def prepare() -> None:
        # After the change of user, which would clear it.
        prctl(_PR_SET_PDEATHSIG, int(how), 0, 0, 0)
        if os.getppid() != parent:  # died before the line above; no signal will come
            os._exit(1)

    return prepare


_WATCHDOG = """
import os, signal, sys
sys.stdin.buffer.read()
try:
    os.kill(int(sys.argv[1]), signal.SIGINT)
except ProcessLookupError:
    pass
"""


def _watch(pid: int) -> subprocess.Popen[bytes]:
    """A child that sees its pipe close when we end, and then stops the server: for systems without prctl."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _WATCHDOG, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
