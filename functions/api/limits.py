"""What a request may be: how large, how deep, with which characters. Anything else is refused, not repaired."""

from collections.abc import Iterator
from typing import Annotated, Any, TypeAlias

from fastapi import Request
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from leadsrally.kit.errors import Invalid
from leadsrally.kit.gateway import Event

MAX_BODY = 1024 * 1024  # bytes
MAX_DEPTH = 16  # of lists and objects within each other


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029]*$")
]
"""Text of one line: a name, which may stand in the head of a mail (I12)."""


class Body(BaseModel):
    """What is sent to us. Knows every field it may hold: one that is not offered is refused, not ignored.

    So nobody sets a role, an owner or an organisation by adding it to a form that asks for a name.
    """

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, sent: Any) -> Any:
        refuse_unstorable(sent)
        return sent


def kinds_of_body() -> Iterator[type[Body]]:
    """Every kind of body there is."""
    waiting: list[type[Body]] = Body.__subclasses__()
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += kind.__subclasses__()


def _without_defaults(schema: dict[str, Any]) -> None:
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class Patch(Body):
    """An edit: what is left out stays as it is, so the fields' defaults mean nothing."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    def given(self) -> dict[str, Any]:
        """What is to be changed. Raises `Invalid` when that is nothing."""
        changes = self.model_dump(exclude_unset=True)
        if not changes:
            raise Invalid("Say what to change.", code="nothing_given")
        return changes


Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"


def refuse_unstorable(sent: Json) -> None:
    """Raise `PydanticCustomError` for text that Postgres cannot hold, or for what is nested too deep."""
    waiting: list[tuple[Json, int]] = [(sent, 0)]
    while waiting:
        value, depth = waiting.pop()
        if isinstance(value, str):
            if "\x00" in value or (not value.isprintable() and _has_half_character(value)):
                raise PydanticCustomError("text", "Text holds a character that cannot be stored")
        elif isinstance(value, dict | list):
            if depth == MAX_DEPTH:
                raise PydanticCustomError("depth", "Lists and objects are nested too deep")
            inside = [*value, *value.values()] if isinstance(value, dict) else value
            waiting += [(inner, depth + 1) for inner in inside]


def _has_half_character(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def size(event: Event) -> int:
    """Bytes of an event's body, or a few more."""
    body: str = event.get("body") or ""
    return len(body) * 3 // 4 if event.get("isBase64Encoded") else len(body.encode())


async def known_query(request: Request) -> None:
    """Raises `Invalid` for a parameter that the route does not take, and for a NUL, which no text of ours can hold."""
    sent: bytes = request.scope["query_string"]
    if not sent:
        return
    if b"%00" in sent:
        raise Invalid("The query holds a NUL character. Remove it.", code="malformed")
    route: APIRoute = request.scope["route"]
    offered = {field.alias for needed in needs(route.dependant) for field in needed.query_params}
    if not request.query_params.keys() <= offered:
        raise Invalid("The query holds a parameter that is not offered here. Remove it.", code="malformed")


def needs(dependant: Dependant) -> Iterator[Dependant]:
    """What a route takes, and what each of its dependencies takes."""
    yield dependant
    for inner in dependant.dependencies:
        yield from needs(inner)
