"""Run an ASGI application on a loopback port of its own, for tests."""

import asyncio
import socket
import threading
import time
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp

from infra.simulators.production import refuse_in_production

_PATIENCE = 10.0


class Running:
    """`with Running(app) as server:` serves on an ephemeral port in a thread and stops cleanly.

    Entering returns when the server answers; leaving returns when its thread has ended. No signal handler is
    touched. `http` picks uvicorn's protocol, `httptools` or `h11`.
    """

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0, http: str = "auto") -> None:
        refuse_in_production()
        # asyncio switches Nagle's delay off only for sockets that say they are TCP; else each answer takes 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((host, port))
        self.host = host
        self.port: int = self._socket.getsockname()[1]
        config = uvicorn.Config(
            app, http=http, ws="none", log_config=None, access_log=False, timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"serving-{self.port}", daemon=True)

    @property
    def base_url(self) -> str:
        return f"http://{self.host}:{self.port}"

    def start(self) -> Self:
        self._socket.listen(2048)
        self._thread.start()
        deadline = time.monotonic() + _PATIENCE
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("The server did not start.") from self._failure
            time.sleep(0.002)
        return self

    def stop(self) -> None:
        """End the server; requests still running get a second to finish. May be called twice."""
        self._server.should_exit = True
        self._thread.join(_PATIENCE)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(_PATIENCE)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self._server.serve(sockets=[self._socket]))
        except BaseException as failure:  # told to the thread that waits in start()
            self._failure = failure
