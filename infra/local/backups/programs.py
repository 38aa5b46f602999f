"""pg_dump and pg_restore: which ones, what they are told, and what may be said of their complaints.

They get the address through their environment, never as an argument, which everybody on the machine can read.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo

from infra.local.postgres_place import installed_programs
from leadsrally.kit.errors import LeadsRallyError, Misconfigured
from leadsrally.kit.storage import CHUNK_BYTES

_DUMP = (
    "--format=custom",
    "--enable-row-security",  # the role is no superuser; that it is shown every row was looked at before
    "--compress=6",  # gzip; the longer form is unknown to pg_dump 15
    "--no-password",
    "--no-sync",
)
_TEXT = ("--format=plain", "--no-password", "--no-sync")
_RESTORE = ("--exit-on-error", "--single-transaction", "--no-password")


class ProgramFailed(LeadsRallyError):
    """pg_dump or pg_restore ended with an error. Its sentence holds nothing of any row."""


@contextmanager
def pg_dump(url: str, snapshot: str) -> Generator[Iterator[bytes]]:
    """The database in pg_dump's custom format, as it is in this exported snapshot.

    Raises `Misconfigured` when there is no pg_dump, and from the iterator `ProgramFailed` when it fails, so that its
    output up to there is never taken for all.
    """
    command = [programs(url) / "pg_dump", *_DUMP, f"--snapshot={snapshot}"]
    with _running(command, url, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as (process, complaints):
        yield _output(process, complaints)


@contextmanager
def as_text(url: str) -> Generator[Iterator[bytes]]:
    """Everything in the database as a script that a person can read, for a superuser's address. Raises as `pg_dump`."""
    command = [programs(url) / "pg_dump", *_TEXT]
    with _running(command, url, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as (process, complaints):
        yield _output(process, complaints)


def _output(process: subprocess.Popen[bytes], complaints: BinaryIO) -> Iterator[bytes]:
    out = process.stdout
    assert out is not None
    while piece := out.read(CHUNK_BYTES):
        yield piece
    _settle(process, complaints)


def pg_restore(url: str, dump: Iterable[bytes]) -> None:
    """Restore a dump of `pg_dump`'s custom format into an empty database, wholly or not at all.

    Raises `Misconfigured` when there is no pg_restore, `ProgramFailed` when it fails, and whatever `dump` raises, after
    which the database is as empty as before.
    """
    options = conninfo_to_dict(url)
    command = [programs(url) / "pg_restore", *_RESTORE, f"--dbname={options['dbname']}"]
    with _running(command, url, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as (process, complaints):
        into = process.stdin
        assert into is not None
        # It ends early when something is wrong, which its exit status tells better than a broken pipe.
        with suppress(BrokenPipeError):
            for piece in dump:
                into.write(piece)
            into.close()
        _settle(process, complaints)


@contextmanager
def _running(
    command: list[str | Path], url: str, *, stdin: int, stdout: int
) -> Generator[tuple[subprocess.Popen[bytes], BinaryIO]]:
    """The program, ended without mercy when the block ends before it: half of its work is undone by the server."""
    with tempfile.TemporaryFile() as complaints:
        process = subprocess.Popen(
            command, env=_environment(url), stdin=stdin, stdout=stdout, stderr=complaints
        )
        try:
            yield process, complaints
        finally:
            process.kill()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            process.wait()


def _settle(process: subprocess.Popen[bytes], complaints: BinaryIO) -> None:
    if process.wait() == 0:
        return
    complaints.seek(0)
    lines = complaints.read(100_000).decode(errors="replace").splitlines()
    told = next((line for line in lines if "error:" in line), "it said nothing")
    # What the server says of a row may quote it; that a row was refused, and of which table, is said before.
    safe = told.partition("ERROR:")[0].strip(" :") if "COPY failed" in told else told
    raise ProgramFailed(safe, code="program_failed")


def programs(url: str) -> Path:
    """Where pg_dump and pg_restore for this address are: PG_BIN, else on the PATH, else those of the embedded server.

    The embedded server's speak no TLS, so they are taken for an address that asks for none. Raises `Misconfigured`.
    """
    named = os.environ.get("PG_BIN")
    if named:
        return installed_programs()
    if conninfo_to_dict(url).get("sslmode") == "disable":
        return installed_programs()
    found = shutil.which("pg_dump")
    if found is None:
        raise Misconfigured(
            "There is no pg_dump here. Install the PostgreSQL client of the server's version, or name its directory in"
            " PG_BIN.",
            code="no_pg_dump",
        )
    return Path(found).parent


def _environment(url: str) -> dict[str, str]:
    names = {
        option.keyword.decode(): option.envvar.decode() for option in Conninfo.get_defaults() if option.envvar
    }
    kept = {name: os.environ[name] for name in ("PATH", "LD_LIBRARY_PATH", "HOME") if name in os.environ}
    given = {names[name]: str(value) for name, value in conninfo_to_dict(url).items() if name in names}
    return {**kept, "LC_ALL": "C", "PGAPPNAME": "leadsrally backup", **given}
