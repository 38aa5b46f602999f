"""Conditions on contacts: a tree of questions, read from JSON and bounded in size, depth and length.

    {"all": [{"on": "tag", "is": "set", "value": "<id>"},
             {"any": [{"on": "fields.city", "is": "equal", "value": "Berlin"},
                      {"on": "last_message_at", "is": "within_days", "value": 30}]},
             {"not": {"on": "consent", "channel": "sms", "purpose": "all", "is": "equal", "value": "revoked"}}]}

Nothing of it ever becomes part of a statement: see contacts/compile.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, cast, get_args
from uuid import UUID

from leadsrally.consent.types import ChannelKind, Purpose
from leadsrally.contacts.fields import MAX_TEXT, Field, Value, check_values
from leadsrally.kit.errors import Invalid

MAX_PARTS: Final = 50
MAX_DEPTH: Final = 5
MAX_VALUES: Final = 100  # of one question
_MAX_DAYS: Final = 36_500

Answer = Value | UUID | datetime | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Question:
    """One thing asked of a contact. `slot` is that of a field, `of` the channel and purpose of a consent."""

    on: str
    how: str
    value: Answer
    slot: str | None = None
    of: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: "Condition"


Condition = All | AnyOf | Not | Question
EVERYBODY: Final = All(())

Kind = Literal[
    "words", "text", "start", "ending", "flag", "number", "date", "moment", "days", "id", "state", "choices"
]

# What can be asked of what, and what kind of value the question wants. `fields.<type>` stands for a field.
_OFFERED: Final[Mapping[str, Mapping[str, Kind]]] = {
    "name": {"words": "words", "equal": "text", "empty": "flag"},
    "email": {"equal": "text", "starts": "start", "empty": "flag"},
    "phone": {"equal": "text", "starts": "start", "ends": "ending", "empty": "flag"},
    "tag": {"set": "id"},
    "created_at": {"before": "moment", "after": "moment", "within_days": "days"},
    "last_message_at": {"before": "moment", "after": "moment", "within_days": "days", "empty": "flag"},
    "last_inbound_at": {"before": "moment", "after": "moment", "within_days": "days", "empty": "flag"},
    "interest": {"at_least": "number", "at_most": "number"},
    "intent": {"equal": "text"},
    "unread": {"equal": "flag"},
    "restricted": {"equal": "flag"},
    "consent": {"equal": "state"},
    "fields.text": {"equal": "text", "contains": "text", "empty": "flag"},
    "fields.number": {"equal": "number", "at_least": "number", "at_most": "number", "empty": "flag"},
    "fields.date": {"equal": "date", "before": "date", "after": "date", "empty": "flag"},
    "fields.boolean": {"equal": "flag", "empty": "flag"},
    "fields.choice": {"equal": "text", "one_of": "choices", "empty": "flag"},
}
_STATES: Final = frozenset({"granted", "revoked", "paused", "none"})
_WORDS: Final = frozenset({"on", "is", "value", "channel", "purpose"})


def read_condition(raw: Any, known: Mapping[str, Field]) -> Condition:
    """The condition that `raw` says, about fields that are `known`. Raises `Invalid` for anything else."""
    return _Reader(known).read(raw, 1)


def written(condition: Condition, known: Mapping[str, Field]) -> dict[str, Any]:
    """The condition as JSON that `read_condition` reads as the same again. `known` has every field that it asks about."""
    match condition:
        case All(parts):
            return {"all": [written(part, known) for part in parts]}
        case AnyOf(parts):
            return {"any": [written(part, known) for part in parts]}
        case Not(part):
            return {"not": written(part, known)}
        case Question(on, how, value, slot, of):
            if slot is not None:
                on = next(f"fields.{key}" for key, field in known.items() if field.slot == slot)
            asked = {"on": on, "is": how, "value": _plain(value)}
            return asked if of is None else {**asked, "channel": of[0], "purpose": of[1]}


def _plain(value: Answer) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


class _Reader:
    def __init__(self, known: Mapping[str, Field]) -> None:
        self._known = known
        self._left = MAX_PARTS

    def read(self, raw: Any, depth: int) -> Condition:
        if depth > MAX_DEPTH:
            raise _invalid(f"Conditions are nested at most {MAX_DEPTH} deep.")
        self._left -= 1
        if self._left < 0:
            raise _invalid(f"A condition holds at most {MAX_PARTS} others and questions.")
        given = cast(dict[str, Any], raw) if isinstance(raw, dict) else {}
        if len(given) == 1:
            ((word, parts),) = given.items()
            if word == "not":
                return Not(self.read(parts, depth + 1))
            if word in ("all", "any") and isinstance(parts, list):
                each = tuple(self.read(part, depth + 1) for part in cast(list[Any], parts))
                if word == "all":
                    return All(each)
                if each:
                    return AnyOf(each)
        on, how = given.get("on"), given.get("is")
        if isinstance(on, str) and isinstance(how, str) and given.keys() <= _WORDS:
            return self._question(on, how, given)
        raise _invalid("A condition is `all`, `any`, `not`, or a question with `on`, `is` and `value`.")

    def _question(self, on: str, how: str, rest: Mapping[str, Any]) -> Question:
        field, offered = None, on
        if on.startswith("fields."):
            field = self._known.get(on.removeprefix("fields."))
            if field is None:
                raise _invalid("A condition asks about a field that does not exist.", "unknown_field")
            offered = f"fields.{field.type}"
        kind = _OFFERED.get(offered, {}).get(how)
        if kind is None:
            raise _invalid("A condition asks something that cannot be asked.")
        of = None
        if on == "consent":
            channel, purpose = rest.get("channel"), rest.get("purpose", "all")
            if channel not in get_args(ChannelKind) or purpose not in get_args(Purpose):
                raise _invalid("A question about consent names a `channel` and a `purpose`.")
            of = (str(channel), str(purpose))
        elif rest.keys() & {"channel", "purpose"}:
            raise _invalid("Only a question about consent names a channel or a purpose.")
        value = _value(kind, rest.get("value"), field)
        return Question(offered, how, value, field.slot if field else None, of)


def _value(kind: Kind, raw: Any, field: Field | None) -> Answer:
    """The value as the question takes it. Raises `Invalid`."""
    if kind == "choices" and field is not None:
        choices = cast(list[Any], raw) if isinstance(raw, list) else []
        if not 0 < len(choices) <= MAX_VALUES:
            raise _invalid(f"This question wants a list of at most {MAX_VALUES} choices.")
        return tuple(str(_of_field(one, field)) for one in choices)
    if field is not None and kind != "flag" and field.type != "text":
        return _of_field(raw, field)
    try:
        value = _READ[kind](raw) if kind in _READ else None
    except (ValueError, OverflowError):
        value = None
    if value is None:
        raise _invalid("A question's value is missing or not of its kind.")
    return value


def _of_field(raw: Any, field: Field) -> Value:
    value = check_values({field.key: field}, {field.key: raw}).values.get(field.slot)
    if value is None:
        raise _invalid("A value does not fit its field.")
    return value


def _text(raw: Any) -> str | None:
    return raw.strip() if isinstance(raw, str) and 0 < len(raw.strip()) <= MAX_TEXT else None


def _digits(raw: Any) -> str | None:
    fits = isinstance(raw, str) and 4 <= len(raw) <= 15 and raw.isascii() and raw.isdigit()
    return raw if fits else None


def _number(raw: Any) -> int | float | None:
    fits = isinstance(raw, int | float) and not isinstance(raw, bool) and -(10**15) < raw < 10**15
    return raw if fits else None


def _days(raw: Any) -> int | None:
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and 0 < raw <= _MAX_DAYS else None


def _moment(raw: Any) -> datetime | None:
    moment = datetime.fromisoformat(raw) if isinstance(raw, str) else None
    return moment if moment is not None and moment.tzinfo is not None else None


_READ: Final[Mapping[Kind, Callable[[Any], Answer]]] = {
    "words": _text,
    "text": _text,
    "start": _text,
    "ending": _digits,
    "flag": lambda raw: raw if isinstance(raw, bool) else None,
    "number": _number,
    "days": _days,
    "id": lambda raw: UUID(raw) if isinstance(raw, str) else None,
    "moment": _moment,
    "state": lambda raw: raw if isinstance(raw, str) and raw in _STATES else None,
}


def _invalid(sentence: str, code: str = "bad_condition") -> Invalid:
    return Invalid(sentence, code=code)
