"""Fill a JSON schema from what the rules read in a message.

The same kind of schema as https://platform.claude.com/docs/en/build-with-claude/structured-outputs takes.
"""

from collections.abc import Callable, Mapping
from typing import Any

from infra.simulators.anthropic.rules import MARK, OTHERWISE, Reading

Schema = Mapping[str, Any]

_BY_NAME: dict[str, Callable[[Reading], Any]] = {
    "interest": lambda reading: reading.rule.interest,
    "score": lambda reading: reading.rule.interest,
    "reason": lambda reading: reading.reason,
    "explanation": lambda reading: reading.reason,
    "suggestions": lambda reading: reading.suggestions,
    "suggested_replies": lambda reading: reading.suggestions,
    "wants_to_stop": lambda reading: reading.wants_to_stop,
    "language": lambda reading: reading.language,
    "reply": lambda reading: reading.reply,
}

_FORMATS = {
    "date": "2026-11-23",
    "date-time": "2026-11-23T12:00:00Z",
    "time": "12:00:00Z",
    "email": "simulated@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def fit(schema: Schema, reading: Reading) -> Any:
    """A value that fits the schema, filled from the reading wherever a field's name says how."""
    return _Fitting(schema, reading).value("", schema)


class _Fitting:
    def __init__(self, root: Schema, reading: Reading) -> None:
        self.root = root
        self.reading = reading
        self._by_type: dict[str, Callable[[str, Schema], Any]] = {
            "object": self._object,
            "array": self._array,
            "integer": self._number,
            "number": self._number,
            "boolean": self._boolean,
            "null": lambda _name, _schema: None,
            "string": self._string,
        }

    def value(self, name: str, schema: Schema) -> Any:
        schema = self._plain(schema)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return best_member(schema["enum"], self.reading)
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), "null")
        return self._by_type[kind](name, schema)

    def _plain(self, schema: Schema) -> Schema:
        """The schema without references and unions: the first branch that is not null."""
        while True:
            if "$ref" in schema:
                target: Any = self.root
                for step in schema["$ref"].removeprefix("#/").split("/"):
                    target = target[step]
                schema = target
            elif branches := schema.get("anyOf") or schema.get("oneOf"):
                schema = next((b for b in branches if self._plain(b).get("type") != "null"), branches[0])
            elif parts := schema.get("allOf"):
                merged = {key: value for key, value in schema.items() if key != "allOf"}
                for part in parts:
                    merged |= self._plain(part)
                schema = merged
            else:
                return schema

    def _found(self, name: str) -> Any:
        known = _BY_NAME.get(name)
        return known(self.reading) if known else None

    def _object(self, _: str, schema: Schema) -> dict[str, Any]:
        return {field: self.value(field, part) for field, part in schema.get("properties", {}).items()}

    def _array(self, name: str, schema: Schema) -> list[Any]:
        found = self._found(name)
        if isinstance(found, list):
            return found
        return [self.value(name, schema.get("items", {}))] if schema.get("minItems") else []

    def _number(self, name: str, schema: Schema) -> float:
        found = self._found(name)
        if not isinstance(found, int) or isinstance(found, bool):
            return schema.get("minimum", 0)
        return found / 100 if schema["type"] == "number" and schema.get("maximum") == 1 else found

    def _boolean(self, name: str, _: Schema) -> bool:
        found = self._found(name)
        return found if isinstance(found, bool) else False

    def _string(self, name: str, schema: Schema) -> str:
        found = self._found(name)
        return found if isinstance(found, str) else _FORMATS.get(schema.get("format", ""), f"{MARK} text")


def best_member(members: list[Any], reading: Reading) -> Any:
    """The enumeration's own word for what the rule found.

    The same name, then a name that contains it or is contained, then `other` or its like, then the last member.
    """
    plain = {str(member).lower().replace("-", "_").replace(" ", "_"): member for member in members}
    for intent in (*reading.rule.intents, reading.language):
        if intent in plain:
            return plain[intent]
    for intent in reading.rule.intents:
        for name, member in plain.items():
            # Short names are found anywhere by accident, and `interested` must not be found in `not_interested`.
            if (
                len(name) > 3
                and (intent in name or name in intent)
                and name.startswith("not_") == intent.startswith("not_")
            ):
                return member
    return next((plain[name] for name in OTHERWISE.intents if name in plain), members[-1])
