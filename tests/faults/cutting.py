"""A wire between the functions and Postgres that can be cut at a word: the server has heard it, and nobody hears back."""

import selectors
import socket
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self


class CutWire:
    """Forwards every connection to the socket of a Postgres server.

    Armed with a word, it lets that word pass to the server the n-th time it is said, waits for the server's answer and
    hangs up without passing it on.
    """

    def __init__(self, sockets: str, directory: Path) -> None:
        self._server = str(Path(sockets) / ".s.PGSQL.5432")
        self.sockets = str(directory)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(directory / ".s.PGSQL.5432"))
        self._listener.listen(64)
        self._word, self._left = b"", 0
        self._lock = threading.Lock()
        self.cuts = 0

    def arm(self, word: bytes, nth: int = 1) -> None:
        with self._lock:
            self._word, self._left, self.cuts = word, nth, 0

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):  # the listener is closed: the test is over
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        server = socket.socket(socket.AF_UNIX)
        server.connect(self._server)
        with client, server, selectors.DefaultSelector() as waiting, suppress(OSError):
            waiting.register(client, selectors.EVENT_READ)
            waiting.register(server, selectors.EVENT_READ)
            while True:
                for key, _ in waiting.select():
                    said = key.fileobj.recv(65_536)  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType]
                    if not said:
                        return
                    if key.fileobj is server:
                        client.sendall(said)
                        continue
                    server.sendall(said)
                    if self._cuts(said):
                        server.recv(65_536)  # it is done, and it says so
                        with self._lock:
                            self.cuts += 1
                        return

    def _cuts(self, said: bytes) -> bool:
        with self._lock:
            if not self._left or self._word not in said:
                return False
            self._left -= 1
            return not self._left
