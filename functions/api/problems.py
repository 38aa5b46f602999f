"""How the contract speaks of errors: RFC 9457 problem JSON, for each status that an operation can answer."""

from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

MEDIA_TYPE = "application/problem+json"
SCHEMA = "Problem"


class FieldProblem(BaseModel):
    field: str = Field(examples=["body.email"])
    problem: str = Field(examples=["Field required"])


class Problem(BaseModel):
    """What went wrong and what to do. Repeats nothing of what was sent."""

    type: str = Field(examples=["urn:leadsrally:problem:conversation_not_found"])
    title: str = Field(examples=["not found"])
    status: int = Field(examples=[404])
    detail: str = Field(description="A sentence for a person.", examples=["There is no such conversation."])
    code: str = Field(description="A word for a program.", examples=["conversation_not_found"])
    errors: list[FieldProblem] | None = Field(
        default=None, description="Fields that are not as they should be."
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer these."""
    content = {MEDIA_TYPE: {"schema": {"$ref": f"#/components/schemas/{SCHEMA}"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def declare(contract: dict[str, Any]) -> None:
    """Add to an OpenAPI document the problems that follow from what an operation takes, and their schema.

    A route itself names only those that follow from what it does, such as 409.
    """
    for methods in contract["paths"].values():
        for operation in methods.values():
            responses: dict[str, Any] = operation["responses"]
            if not (operation.get("parameters") or "requestBody" in operation):
                del responses["422"]  # there is nothing that could be malformed
            for status, response in problems(*_statuses(operation)).items():
                responses.setdefault(str(status), response)
            operation["responses"] = dict(sorted(responses.items()))
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas = contract.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(schema.pop("$defs"))
    schemas[SCHEMA] = schema


def _statuses(operation: dict[str, Any]) -> set[int]:
    parameters = {(given["in"], given["name"]) for given in operation.get("parameters", ())}
    statuses = {500, 503}
    if operation.get("security"):
        statuses |= {401, 403, 429}
    if "requestBody" in operation:
        statuses |= {413}
    if any(place == "path" for place, _ in parameters):
        statuses |= {404}
    if ("header", "If-Match") in parameters:
        statuses |= {412, 428}
    if ("header", "Idempotency-Key") in parameters:
        statuses |= {409}
    return statuses
