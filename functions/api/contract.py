"""The contract: what OpenAPI says of the whole API, beyond what each route says of itself."""

from collections.abc import Iterable, Sequence
from functools import cached_property
from types import ModuleType
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts

from functions.api import limits, permissions, problems

INTRODUCTION = f"""\
**Who asks.** Send an access token or an API key as `Authorization: Bearer …`. Each operation names the action \
it needs; an API key can do what its scopes and its person's role both allow.

**Lists** come in pages, newest first: `?limit=` of at most 100, and `?cursor=` with the `next` of the page before.

**Problems** are `application/problem+json` (RFC 9457): `detail` is a sentence for a person and says what to do, \
`code` a word for a program. An id of somebody else is answered like one that does not exist. After 429 and 503, \
`Retry-After` says in how many seconds to try again.

**Edits** name the version they were made of: what can be edited is answered with an `ETag`, and the edit sends \
it back as `If-Match`. When somebody else was quicker the answer is 412: load it again and repeat the change.

**Requests that may come again**: a POST that creates or sends takes an `Idempotency-Key`. With the same key the \
same request is done once, and every repeat within a day gets the first answer.

**Limits.** A body has at most 1 MiB of JSON in UTF-8, nested at most {limits.MAX_DEPTH} \
deep. Fields and parameters that are not offered are refused. Text holds no NUL and no half of a surrogate pair."""


class Api(FastAPI):
    """FastAPI with the whole contract: problems, permissions, tags and a name for each operation."""

    nouns: Sequence[ModuleType] = ()

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            contract = super().openapi()
            contract["tags"] = [_tag(noun) for noun in self.nouns]
            for methods in contract["paths"].values():
                for operation in methods.values():
                    _say_plainly(operation.get("parameters", ()))
            problems.declare(contract)
            permissions.declare(contract, self.routes)
            self.openapi_schema = contract
        return self.openapi_schema

    @cached_property
    def field_names(self) -> frozenset[str]:
        """Every name that a field of a body or a parameter has, and the places where they stand.

        From the routes and not from the document, which takes a second to make on a cold start.
        """
        names = {"body", "query", "path", "header", "cookie"}
        for kind in limits.kinds_of_body():
            names |= kind.model_fields.keys()
        for route in (found.original_route for found in iter_route_contexts(self.routes)):
            if isinstance(route, APIRoute):
                for needed in limits.needs(route.dependant):
                    taken = (
                        needed.path_params,
                        needed.query_params,
                        needed.header_params,
                        needed.cookie_params,
                    )
                    names |= {field.alias for fields in taken for field in fields}
        return frozenset(names)


def operation_id(route: APIRoute) -> str:
    """What a generated client calls the operation: the noun and the verb, as our own code does."""
    return f"{route.tags[0]}_{route.name}".replace(" ", "_") if route.tags else route.name


def _tag(noun: ModuleType) -> dict[str, str]:
    return {"name": noun.router.tags[0], "description": (noun.__doc__ or "").strip()}


def _say_plainly(parameters: Iterable[dict[str, Any]]) -> None:
    """A parameter that may be left out cannot be sent as null, though its default in Python is None."""
    for parameter in parameters:
        kinds = parameter["schema"].get("anyOf", ())
        parameter["schema"].pop("title", None)
        if parameter["name"] == "If-Match":
            parameter["required"] = True  # the framework would say 422 where 428 is meant
        if len(kinds) == 2 and {"type": "null"} in kinds:
            del parameter["schema"]["anyOf"]
            parameter["schema"].update(next(kind for kind in kinds if kind != {"type": "null"}))
        if "description" in parameter:
            parameter["schema"].pop("description", None)
