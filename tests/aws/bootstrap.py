"""A packaged function under Lambda's own bootstrap: its files, its layer, its settings, and nothing else."""

import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from infra.local.functions import Function, load
from tests.aws.runtime_api import Failed, Outcome, RuntimeApi

FUNCTIONS = {function.name: function for function in load()}


@dataclass(frozen=True, slots=True)
class Package:
    """What `infra.aws.package` built, and the Python that runs it in Lambda's place."""

    python: str
    home: Path
    runtime: Path  # what Lambda's image brings: awslambdaric and boto3

    @property
    def layer(self) -> Path:
        return self.home / "layer" / "python"

    def function(self, name: str) -> Path:
        return self.home / "functions" / name


class Bootstrap:
    """One execution environment. Starts with the block and is killed at its end; events come one by one."""

    def __init__(
        self,
        package: Package,
        function: str,
        settings: Mapping[str, str],
        *,
        handler: str | None = None,
        root: Path | None = None,
        layers: bool = True,
        timeout: float | None = None,
        reach: Mapping[str, str] | None = None,
    ) -> None:
        """`reach` is what AWS's own SDK is told in place of AWS, such as AWS_ENDPOINT_URL."""
        declared = FUNCTIONS[function]
        superfluous = settings.keys() - declared.settings
        assert not superfluous, f"{superfluous} are not declared for {function}"
        self._declared = declared
        self._package = package
        self._root = root or package.function(function)
        self._handler = handler or f"functions/{function}/handler.handler"
        self._timeout = timeout or float(declared.timeout_seconds)
        self._reach = reach or {}
        self._settings = {**dict.fromkeys(declared.settings, ""), **settings}
        self._path = [package.layer, package.runtime] if layers else [package.runtime]
        self._said: list[bytes] = []

    def __enter__(self) -> Self:
        self._api = RuntimeApi().__enter__()
        # -S: no site-packages, so neither this checkout nor the test environment can be imported. The current
        # directory comes first on the path, which in Lambda is /var/task.
        self._process = subprocess.Popen(
            [self._package.python, "-S", "-m", "awslambdaric", self._handler],
            cwd=self._root,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        self._listener.join()
        self._api.__exit__(kind, value, trace)

    def invoke(self, event: Any) -> Outcome:
        """One event through the whole bootstrap; a time-out ends the environment, as in Lambda."""
        arn = f"arn:aws:lambda:eu-west-1:123456789012:function:leadsrally-test-{self._declared.name}"
        outcome = self._api.invoke(event, timeout=self._timeout, arn=arn)
        if isinstance(outcome, Failed) and outcome.kind == "Sandbox.Timedout":
            self._process.kill()
        return outcome

    def exit_code(self) -> int:
        """Waits for the process to end of its own accord."""
        return self._process.wait(timeout=10)

    def said(self) -> str:
        """All that the process wrote so far, both streams: what CloudWatch would keep."""
        return b"".join(self._said).decode("utf-8", "replace")

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stream:
            while chunk := stream.read1():  # pyright: ignore[reportAttributeAccessIssue]
                self._said.append(chunk)
        self._api.process_ended()

    def _environment(self) -> dict[str, str]:
        """Lambda's reserved variables and the function's declared settings."""
        declared: Function = self._declared
        return {
            "_HANDLER": self._handler,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": f"leadsrally-test-{declared.name}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(declared.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/leadsrally-test-{declared.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/24/[$LATEST]0",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "ASIATEST",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_SESSION_TOKEN": "test",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.13",
            "LAMBDA_TASK_ROOT": str(self._root),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PATH": "/usr/local/bin:/usr/bin/:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",  # nothing can be written beside the code in Lambda
            "PYTHONPATH": ":".join(str(path) for path in self._path),
            **self._reach,
            **self._settings,
        }
