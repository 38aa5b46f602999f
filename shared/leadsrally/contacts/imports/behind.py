"""One thing done while the next is prepared: the base works on a batch as the file is read on."""

import sys
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Self

# Seconds after which a thread that computes lets another go on. Of libpq's many short calls each would wait for as long,
# and by default that is ten times this: a third of what a batch takes.
_TURN: Final = 0.0005


class Behind:
    """Runs one task at a time in a thread of its own. Use with `with`; its end waits for what is running."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "behind")
        self._running: Future[None] | None = None

    def __enter__(self) -> Self:
        # Of the process, and for good: another import may be at work beside this one.
        sys.setswitchinterval(_TURN)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown()

    def do(self, task: Callable[[], None]) -> None:
        """Begin the task once the one before has ended. Raises what that one raised; then this one is not begun."""
        self.wait()
        self._running = self._thread.submit(task)

    def wait(self) -> None:
        """Wait for what is running. Raises what it raised."""
        running, self._running = self._running, None
        if running is not None:
            running.result()
