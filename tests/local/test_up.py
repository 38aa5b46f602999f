"""`leadsrally up` as a person meets it: a process of its own, in an empty folder."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep

import psutil
import psycopg
import pytest

from infra.local.postgres import erase
from tests.database import throwaway_directory


@pytest.fixture
def folder() -> Iterator[Path]:
    made = throwaway_directory()
    yield made
    erase(made / ".leadsrally" / "postgres")
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "LEADSRALLY_ENV")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.local.command", "up", "--port", str(port)],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    said: list[str] = []
    for line in process.stdout:
        said.append(line)
        if "ready" in line:
            return process
    process.wait()
    raise AssertionError("".join(said))


def story(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "infra.local.command", "story"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def end(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, list[psutil.Process]]:
    """Send the signal; the exit code, and what the process leaves behind after a moment."""
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    code = process.wait(timeout=30)
    assert process.stdout is not None
    process.stdout.close()
    deadline = monotonic() + 10
    while (left := [child for child in children if alive(child)]) and monotonic() < deadline:
        sleep(0.05)
    return code, left


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def conversations(folder: Path) -> int:
    url = json.loads((folder / ".leadsrally" / "demo.json").read_text())["database_url"]
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM conversations").fetchone()
        assert found is not None
        return found[0]


def test_the_whole_story_again_after_ctrl_c_and_after_kill_9(folder: Path, port: int):
    first = start(folder, port)
    told = story(folder)
    assert (told.returncode, "The story holds." in told.stdout) == (0, True), told.stdout + told.stderr
    assert (folder / ".leadsrally" / "demo.json").stat().st_mode & 0o777 == 0o600
    simulators = json.loads((folder / ".leadsrally" / "demo.json").read_text())["simulators"]
    assert {"twilio", "meta", "anthropic", "resend", "sentry", "phones", "mailbox"} <= simulators.keys()
    assert end(first, signal.SIGINT) == (0, [])

    second = start(folder, port)
    once = conversations(folder)  # nothing of the first was lost, and nothing told twice
    assert once == 4
    told = story(folder)
    assert told.returncode == 0, told.stdout + told.stderr
    assert end(second, signal.SIGKILL) == (-signal.SIGKILL, [])

    third = start(folder, port)
    assert conversations(folder) == 2 * once
    assert end(third, signal.SIGTERM) == (0, [])


def test_a_taken_port_is_one_sentence(folder: Path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = subprocess.run(
            [sys.executable, "-m", "infra.local.command", "up", "--port", str(port)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    assert said.returncode == 2
    assert said.stderr == (
        f"leadsrally: Port {port} is taken. Stop the other program or choose another port: PORT={port + 1} make up\n"
    )


def test_a_story_without_a_host_says_what_to_do(folder: Path):
    told = story(folder)
    assert (told.returncode, told.stderr) == (2, "leadsrally: Start LeadsRally first: make up\n")
