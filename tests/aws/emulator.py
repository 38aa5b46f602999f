"""An AWS on this machine for the tests that need one: `ministack`, in an environment of its own (make test)."""

import ctypes
import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any, Self

from infra.local.functions import PROJECT

PROGRAM = PROJECT / ".venv-aws" / "bin" / "ministack"
_PATIENCE = 20.0
_PR_SET_PDEATHSIG = 1


class Emulator:
    """Serves on an ephemeral loopback port until the block ends, or until this process dies."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._log = (self._home / "ministack.log").open("wb")
        self._process = subprocess.Popen(
            [PROGRAM],
            cwd=self._home,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._home),
                "GATEWAY_PORT": str(self.port),
                "BIND_HOST": "127.0.0.1",  # it would listen on every interface
                "MINISTACK_REGION": "eu-west-1",
            },
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  one system call, no Python that could need a lock
        )
        until = time.monotonic() + _PATIENCE
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > until:
                self.__exit__()
                raise RuntimeError("ministack did not start:\n" + (self._home / "ministack.log").read_text())
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)  # it keeps nothing that is worth a farewell
        self._process.wait()
        self._log.close()

    def _answers(self) -> bool:
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port)) == 0

    def client(self, service: str) -> Any:
        import boto3

        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def _die_with_parent() -> None:
    if os.uname().sysname == "Linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
