"""JSON of which nothing is promised, read as what it should have been, or as nothing.

Meta adds fields and types without notice, writes some numbers as strings and some strings as numbers, and not all
of its time stamps are seconds. So nothing here raises, and nothing is taken as it is.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast

from leadsrally.kit.errors import Invalid
from leadsrally.kit.text import storable

_ID: Final = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_WHOLE: Final = 2**53  # beyond it other languages' numbers, and jsonb's readers, lose digits
_FIRST: Final = datetime(2009, 1, 1, tzinfo=UTC)  # WhatsApp's first year
_MILLISECONDS: Final = 100_000_000_000  # as seconds, this is in the year 5138
_DEEPEST: Final = 12
_MOST: Final = 200  # parts of one list or object of somebody else's making


def load(raw: bytes) -> dict[str, object]:
    """The document. Raises `Invalid` for what is no JSON object, nests too deeply, or holds NaN.

    Of a name given twice the last one counts, here and everywhere, since nobody else parses the bytes.
    """
    try:
        document = cast("object", json.loads(raw, parse_constant=_no_constant))
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Invalid("The body is not a JSON object.", code="json")
    return cast("dict[str, object]", document)


def _no_constant(name: str) -> object:
    raise ValueError(name)


def is_object(value: object) -> bool:
    return isinstance(value, dict)


def is_list(value: object) -> bool:
    return isinstance(value, list)


def mapping(value: object) -> Mapping[str, object]:
    """The object, or an empty one."""
    return cast("Mapping[str, object]", value) if isinstance(value, dict) else {}


def listing(value: object) -> Sequence[object]:
    """The list, or an empty one."""
    return cast("Sequence[object]", value) if isinstance(value, list) else ()


def text(value: object, limit: int) -> str:
    """A string that can be stored, cut to `limit` characters; a whole number as its digits; else empty."""
    if isinstance(value, str):
        return storable(value[:limit])[0]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**18:
        return str(value)[:limit]
    return ""


def identifier(value: object) -> str:
    """An id of Meta's: visible ASCII, at most 255 characters; a number as its digits; else empty."""
    given = text(value, 256)
    return given if _ID.fullmatch(given) else ""


def digits(value: object) -> str:
    """At most twenty digits, else empty."""
    given = text(value, 21)
    return given if _DIGITS.fullmatch(given) else ""


def number(value: object) -> float | None:
    """A finite number, be it written as one or as a string; else None."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if math.isfinite(read) else None


def instant(value: object) -> datetime | None:
    """Unix seconds or milliseconds, as a number or as digits; None for what cannot be a time of WhatsApp's."""
    given = digits(value)
    if not given:
        return None
    count = int(given)
    seconds = count / 1000 if count >= _MILLISECONDS else count
    try:
        read = datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return read if read >= _FIRST else None


def plain(value: object, depth: int = _DEEPEST) -> Any:
    """Any JSON as jsonb can hold it: bounded in depth and breadth, without NUL, half pairs or endless numbers."""
    if isinstance(value, (list, dict)):
        return _plain_parts(cast("object", value), depth - 1) if depth else None
    if isinstance(value, str):
        return text(value, 4096)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, int) and abs(value) > _WHOLE:
        return text(value, 20)
    return value


def _plain_parts(value: object, depth: int) -> Any:
    if is_list(value):
        return [plain(part, depth) for part in listing(value)[:_MOST]]
    return {text(name, 200): plain(part, depth) for name, part in list(mapping(value).items())[:_MOST]}
