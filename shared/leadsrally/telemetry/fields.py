"""What may be written down about a running system: ids, counts, durations, closed words. Nothing else.

An allow-list by type, so that a message, a number, an address or a secret cannot be logged even by mistake:
what is not known to be harmless is replaced by `[withheld]`. Used by the log and by the error reports.
"""

import re
from enum import Enum
from uuid import UUID

from leadsrally.telemetry.types import Field

WITHHELD = "[withheld]"
# Counts stay below the size of a telephone number (10^7 has eight digits) unless the name says what is counted.
_SMALL = 10_000_000
_LARGE = 1_000_000_000_000
_MEASURES = ("_count", "_ms", "_seconds", "_bytes", "_rows", "_tokens")

# Plain text passes only under names whose values come from our own closed lists.
_WORD_NAMES = frozenset(
    {
        "action", "actor", "code", "event", "function", "host", "job", "kind", "level", "logger", "method",
        "mode", "model", "name_of_setting", "outcome", "phase", "policy", "provider", "purpose", "queue", "reason",
        "release", "result", "role", "rule", "schedule", "service", "signal", "source", "stage", "state", "status",
        "step", "table", "task", "type", "verdict", "version", "window",
    }
)  # fmt: skip

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_WORD = re.compile(r"[a-z0-9_.:-]{1,64}", re.ASCII)
# A word of ours has no long digit run (a telephone number) and no long mixed piece (a token in hexadecimal).
_DIGITS = re.compile(r"\d{6}")
_MIXED = re.compile(r"(?=[a-z]*\d)[a-z0-9]{13}|[a-z]{25}", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.ASCII)
_GATEWAY_REQUEST = re.compile(r"[A-Za-z0-9_-]{10,20}=", re.ASCII)  # API Gateway's request id, ends with "="


def is_name(text: str) -> bool:
    """Whether a field may be called this. Names are ours, so a strange one is a mistake, perhaps a value."""
    return _NAME.fullmatch(text) is not None


def is_word(text: str) -> bool:
    """Whether this reads as a word of a closed list: lower case, at most 64 characters, no number, no token."""
    return _WORD.fullmatch(text) is not None and _DIGITS.search(text) is None and _MIXED.search(text) is None


def passed(name: str, value: object) -> Field:
    """The value when it is harmless, `[withheld]` otherwise. Never raises, whatever it is given."""
    match value:
        case None | bool():
            return value
        case UUID():
            return str(value)
        case Enum():
            return _listed(name, value.value)
        case int() | float():
            return _measured(name, value)
        case str():
            return value if _is_id(name, value) or (_names_words(name) and is_word(value)) else WITHHELD
        case _:
            return WITHHELD


def _listed(name: str, value: object) -> Field:
    # A member of an enumeration is closed by construction, whatever the field is called.
    if isinstance(value, str):
        return value if is_word(value) else WITHHELD
    return _measured(name, value) if isinstance(value, int | float) else WITHHELD


def _measured(name: str, value: float) -> Field:
    limit = _LARGE if name.endswith(_MEASURES) else _SMALL
    if not -limit < value < limit:  # also true of a float that is not a number
        return WITHHELD
    # Rounded, so that a float is a measure and cannot carry something in its digits.
    return round(value, 3) if isinstance(value, float) else int(value)


def _is_id(name: str, value: str) -> bool:
    if name == "request_id" and _GATEWAY_REQUEST.fullmatch(value):
        return True
    return name.endswith("_id") and _UUID.fullmatch(value) is not None


def _names_words(name: str) -> bool:
    # `provider_status` and `old_state` speak of a status and a state.
    return name in _WORD_NAMES or name.rpartition("_")[2] in _WORD_NAMES
