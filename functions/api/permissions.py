"""How the contract says who may call an operation."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from functions.api.asking import Permit
from leadsrally.accounts.permissions import MAY
from leadsrally.accounts.types import ROLES


def operations(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str, Permit | None]]:
    """Method, path and permission of every operation; None where nobody's is asked."""
    for route in (found.original_route for found in iter_route_contexts(routes)):
        if isinstance(route, APIRoute):
            permit: Permit | None = None
            for given in route.dependencies:
                if isinstance(given.dependency, Permit):
                    permit = given.dependency
            for method in sorted(route.methods or ()):
                yield method, route.path_format, permit


def declare(contract: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Add to each operation of an OpenAPI document the action it needs and the roles that may."""
    for method, path, permit in operations(routes):
        if permit is not None:
            roles = [role for role in ROLES if role in MAY[permit.action]]
            operation = contract["paths"][path][method.lower()]
            operation["x-action"], operation["x-roles"] = permit.action, roles
            told = f"Needs `{permit.action}`: {', '.join(roles)}."
            if permit.person:
                operation["x-person"] = True
                told += " Not for API keys."
            if permit.confirmed:
                operation["x-confirmed"] = True
                told += " Asks for a confirmation of the last ten minutes, by `POST /v1/auth/confirm`."
            operation["description"] = f"{operation.get('description', '')}\n\n{told}".strip()
