"""What may be told about an error: its class, our code for it, and where it happened. Never its text.

The text of an exception quotes what it met: Postgres answers `Key (phone)=(+1…) already exists`, an HTTP client
names the whole address, a parser shows the line. The class and the stack say where to look; the row is found by id.
"""

import re
from collections.abc import Iterator
from types import TracebackType

from leadsrally.telemetry.types import Failure, Frame

FRAMES_KEPT = 40
CAUSES_KEPT = 5
_CLASS = re.compile(r"[A-Za-z_][\w.]{0,99}", re.ASCII)
_PLACE = re.compile(r"[\w./<>-]{1,200}", re.ASCII)
_CODE = re.compile(r"[a-z0-9_.:-]{1,64}", re.ASCII)
_SQLSTATE = re.compile(r"[0-9A-Z]{5}", re.ASCII)
_ROOTS = ("/site-packages/", "/shared/", "/opt/python/", "/var/task/")
_UNNAMED = "[withheld]"


def told(error: BaseException) -> tuple[Failure, ...]:
    """The error, then what led to it, nearest first, at most `CAUSES_KEPT` of those."""
    chain = [error, *_causes(error)]
    return tuple(Failure(_class_name(link), _code(link), _frames(link)) for link in chain)


def _class_name(error: BaseException) -> str:
    """`psycopg.errors.UniqueViolation`, or the bare name of a built-in."""
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
    return name if _CLASS.fullmatch(name) else _UNNAMED


def _code(error: BaseException) -> str | None:
    """Our own code for the error, or Postgres' five characters for it; both come from closed lists."""
    ours = getattr(error, "code", None)
    if isinstance(ours, str) and _CODE.fullmatch(ours) and not re.search(r"\d{6}", ours):
        return ours
    state = getattr(error, "sqlstate", None)
    return state if isinstance(state, str) and _SQLSTATE.fullmatch(state) else None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """What led to it, nearest first, as Python itself would print the chain."""
    seen = {id(error)}
    for _ in range(CAUSES_KEPT):
        nearer = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if nearer is None or id(nearer) in seen:
            return
        seen.add(id(nearer))
        yield nearer
        error = nearer


def _frames(error: BaseException) -> tuple[Frame, ...]:
    """The stack, outermost first, at most `FRAMES_KEPT`: both ends matter in a runaway recursion."""
    found = list(_walk(error.__traceback__))
    if len(found) > FRAMES_KEPT:
        found = found[:10] + found[10 - FRAMES_KEPT :]
    return tuple(found)


def _walk(traceback: TracebackType | None) -> Iterator[Frame]:
    while traceback is not None:
        shown = traceback.tb_frame.f_code
        yield Frame(
            file=_shortened(shown.co_filename), line=traceback.tb_lineno, function=_placed(shown.co_name)
        )
        traceback = traceback.tb_next


def _shortened(path: str) -> str:
    path = path.replace("\\", "/")
    for root in _ROOTS:
        if root in path:
            return _placed(path.rpartition(root)[2])
    return _placed("/".join(path.split("/")[-3:]))


def _placed(text: str) -> str:
    return text if _PLACE.fullmatch(text) else _UNNAMED
