"""Each migration is applied once, whole, whoever else tries and whatever dies on the way."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from infra.local import migrate as module
from infra.local.migrate import migrate
from infra.local.provision import provision
from leadsrally.kit.errors import Misconfigured, Unavailable
from tests.database import TestDatabase, url_of

RUNNER = """
import sys
from pathlib import Path
from infra.local.migrate import migrate
print("begins", flush=True)
print(*migrate(sys.argv[1], directory=Path(sys.argv[2])), flush=True)
"""

# Everything that cuts a file at a semicolon stumbles over: nested quoting, CASE … END, DECLARE, comments.
HARD = """-- A comment; with a semicolon, and 'an apostrophe.
CREATE TABLE t (n int, note text DEFAULT 'a;b');
CREATE FUNCTION f(a int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
    total int := 0;  -- begin; end;
BEGIN
    FOR i IN 1..a LOOP
        IF i % 2 = 0 THEN total := total + i; ELSE total := total - 1; END IF;
        total := total + CASE WHEN i > 3 THEN 1 ELSE 0 END;
    END LOOP;
    EXECUTE $q$ INSERT INTO t VALUES (1, 'x;y%s') $q$;
    /* not the end; */
    RETURN total;
END;
$$;
CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN
    IF NEW.n IS NULL THEN RAISE EXCEPTION 'n; is % null', NEW.note; END IF;
    RETURN NEW;
END
$body$;
CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();
DO $$ BEGIN IF NOT EXISTS (SELECT FROM t) THEN INSERT INTO t VALUES (0, ':colon %percent {brace}'); END IF; END $$;
SELECT f(4);
"""


@pytest.fixture
def url(unmade: TestDatabase) -> str:
    provision(url_of(unmade.sockets, "postgres", "postgres"), unmade.name, functions=["probe_reads"])
    return unmade.url("leadsrally_migrate")


def write(directory: Path, **files: str) -> Path:
    for name, text in files.items():
        (directory / f"{name.removeprefix('m')}.sql").write_text(text, encoding="utf-8")
    return directory


def ask(url: str, statement: Any) -> Any:
    with psycopg.connect(url, options="-c role=leadsrally_owner") as session:
        return session.execute(statement).fetchall()


def eventually(true: Callable[[], bool], seconds: float = 10) -> bool:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_files_are_applied_once_in_the_order_of_their_numbers(url: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        m0002_before_b="INSERT INTO t VALUES (2)",
        m0001_before_a="CREATE TABLE t (n int PRIMARY KEY)",
    )
    assert migrate(url, directory=tmp_path) == ["0001_before_a", "0002_before_b"]
    write(tmp_path, m0003_before_c="INSERT INTO t VALUES (3)")
    assert migrate(url, directory=tmp_path) == ["0003_before_c"]
    assert migrate(url, directory=tmp_path) == []
    assert ask(url, "SELECT n FROM t ORDER BY n") == [(2,), (3,)]


def test_no_file_is_no_error(url: str, tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("not a migration")
    assert migrate(url, directory=tmp_path) == []


def test_what_is_made_belongs_to_the_owner(url: str, tmp_path: Path) -> None:
    write(tmp_path, m0001_before_a="CREATE TABLE t (n int)")
    migrate(url, directory=tmp_path)
    owners = ask(
        url,
        "SELECT DISTINCT pg_get_userbyid(relowner) FROM pg_class WHERE relnamespace = 'public'::regnamespace",
    )
    assert owners == [("leadsrally_owner",)]


def test_a_deploy_has_two_phases(url: str, tmp_path: Path) -> None:
    write(tmp_path, m0001_before_a="CREATE TABLE t (old int)")
    migrate(url, directory=tmp_path)
    write(tmp_path, m0002_before_b="ALTER TABLE t ADD new int", m0003_after_b="ALTER TABLE t DROP old")
    with pytest.raises(Misconfigured, match="0002_before_b is missing: run the phase `before` first"):
        migrate(url, phase="after", directory=tmp_path)
    assert migrate(url, phase="before", directory=tmp_path) == ["0002_before_b"]
    assert migrate(url, phase="before", directory=tmp_path) == []
    assert migrate(url, phase="after", directory=tmp_path) == ["0003_after_b"]


def test_an_empty_database_and_a_stopped_system_take_everything(url: str, tmp_path: Path) -> None:
    """A later file may build on what an `after` file left."""
    write(
        tmp_path,
        m0001_before_a="CREATE TABLE t (c int)",
        m0002_after_a="ALTER TABLE t DROP c",
        m0003_before_b="ALTER TABLE t ADD c text",
    )
    assert len(migrate(url, phase="before", directory=tmp_path)) == 3
    write(tmp_path, m0004_after_b="ALTER TABLE t DROP c", m0005_before_c="ALTER TABLE t ADD c int")
    assert migrate(url, phase="all", directory=tmp_path) == ["0004_after_b", "0005_before_c"]


def test_function_bodies_survive_being_cut_into_statements(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, m0001_before_a=HARD)
    migrate(url, directory=tmp_path)
    assert ask(url, "SELECT n, note FROM t ORDER BY n") == [(0, ":colon %percent {brace}"), (1, "x;y%s")]
    assert ask(url, "SELECT f(4)") == [(5,)]
    assert capsys.readouterr().out == ""


def test_a_file_that_fails_leaves_no_trace(url: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        m0001_before_a="CREATE TABLE t (n int)",
        m0002_before_b="INSERT INTO t VALUES (1); SELECT 1/0",
    )
    with pytest.raises(psycopg.errors.DivisionByZero) as failed:
        migrate(url, directory=tmp_path)
    assert failed.value.__notes__ == ["while applying the migration 0002_before_b"]
    assert ask(url, "SELECT count(*) FROM t") == [(0,)]
    write(tmp_path, m0002_before_b="INSERT INTO t VALUES (1)")
    assert migrate(url, directory=tmp_path) == ["0002_before_b"]


def test_a_file_and_its_record_are_one_transaction(url: str, tmp_path: Path) -> None:
    """A kill between the two would have it applied a second time."""
    write(tmp_path, m0001_before_a="CREATE TABLE t AS SELECT 1 AS n; SET ROLE leadsrally_lookup")
    migrate(url, directory=tmp_path)
    assert ask(url, "SELECT t.xmin = m.xmin FROM t, _yoyo_migration m") == [(True,)]


def test_a_file_may_do_without_a_transaction(url: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        m0001_before_a="CREATE TABLE t (n int)",
        m0002_before_b="-- transactional: false\nCREATE INDEX CONCURRENTLY t_n ON t (n);",
    )
    assert migrate(url, directory=tmp_path) == ["0001_before_a", "0002_before_b"]
    assert migrate(url, directory=tmp_path) == []


def test_two_runners_at_once_apply_each_file_once(url: str, tmp_path: Path) -> None:
    write(
        tmp_path,
        m0001_before_a="CREATE TABLE t (n int); SELECT pg_sleep(0.3)",
        m0002_before_b="INSERT INTO t VALUES (1)",
        m0003_before_c="INSERT INTO t VALUES (2)",
    )
    runners = [
        subprocess.Popen([sys.executable, "-c", RUNNER, url, tmp_path], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    applied = sorted(runner.communicate(timeout=60)[0].split("\n")[1] for runner in runners)
    assert [runner.returncode for runner in runners] == [0, 0, 0]
    assert applied == ["", "", "0001_before_a 0002_before_b 0003_before_c"]
    assert ask(url, "SELECT n FROM t ORDER BY n") == [(1,), (2,)]


def test_a_killed_runner_blocks_nobody(url: str, tmp_path: Path, unmade: TestDatabase) -> None:
    write(tmp_path, m0001_before_a="CREATE TABLE t (n int)")
    migrate(url, directory=tmp_path)
    write(tmp_path, m0002_before_b="LOCK TABLE t; SELECT pg_sleep(120)")
    runner = subprocess.Popen([sys.executable, "-c", RUNNER, url, tmp_path], stdout=subprocess.DEVNULL)
    sleeping = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    )
    with psycopg.connect(unmade.url(), autocommit=True) as watch:
        midway = eventually(lambda: watch.execute(sleeping).fetchone() == (1,))
        locked = watch.execute("SELECT count(*) FROM yoyo_lock").fetchone()
        runner.kill()
        runner.wait()
    assert (midway, locked) == (True, (1,))
    write(tmp_path, m0002_before_b="ALTER TABLE t ADD m int")
    began = time.monotonic()
    assert migrate(url, directory=tmp_path) == ["0002_before_b"]
    assert time.monotonic() - began < 10
    assert ask(url, "SELECT count(*) FROM yoyo_lock") == [(0,)]


def test_a_runner_that_waits_too_long_says_so(url: str, tmp_path: Path) -> None:
    write(tmp_path, m0001_before_a="CREATE TABLE t (n int)")
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (module._LOCK,))
        with pytest.raises(Unavailable, match=r"has been running on this database for 0\.1 seconds"):
            migrate(url, directory=tmp_path, wait_seconds=0.1)


@pytest.mark.parametrize(
    "name",
    ["1_before_a.sql", "0001_a.sql", "0001_during_a.sql", "0001_before_a.rollback.sql", "0001_before_a.py"],
)
def test_a_misnamed_file_is_told_not_skipped(url: str, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("SELECT 1")
    with pytest.raises(Misconfigured, match=f"The migration {name} must be named"):
        migrate(url, directory=tmp_path)


def test_two_files_with_one_number_are_told(url: str, tmp_path: Path) -> None:
    write(tmp_path, m0007_before_a="SELECT 1", m0007_before_b="SELECT 1")
    with pytest.raises(Misconfigured, match="Two migrations have the number 0007"):
        migrate(url, directory=tmp_path)


def test_a_folder_with_odd_characters_is_read(url: str, tmp_path: Path) -> None:
    odd = tmp_path / "a [b] *ü"
    odd.mkdir()
    write(odd, m0001_before_a="CREATE TABLE t (n int)")
    assert migrate(url, directory=odd) == ["0001_before_a"]


def test_only_the_migrator_may(url: str, tmp_path: Path, unmade: TestDatabase) -> None:
    with pytest.raises(psycopg.OperationalError, match='permission denied to set role "leadsrally_owner"'):
        migrate(unmade.url("leadsrally_probe_reads"), directory=tmp_path)
