"""How the contract says who may call an operation."""

from collections.abc import Iterator, Sequence
from typing import Any

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute

from functions.api.asking import Permit
from leadsrally.accounts.permissions import MAY, Action
from leadsrally.accounts.types import ROLES


def operations(routes: Sequence[BaseRoute]) -> Iterator[tuple[str, str, Action | None]]:
    """Method, path and action of every operation; None where nobody's permission is asked."""
    for route in (found.original_route for found in iter_route_contexts(routes)):
        if isinstance(route, APIRoute):
            action: Action | None = None
            for given in route.dependencies:
                if isinstance(given.dependency, Permit):
                    action = given.dependency.action
            for method in sorted(route.methods or ()):
                yield method, route.path_format, action


def declare(contract: dict[str, Any], routes: Sequence[BaseRoute]) -> None:
    """Add to each operation of an OpenAPI document the action it needs and the roles that may."""
    for method, path, action in operations(routes):
        if action is not None:
            roles = [role for role in ROLES if role in MAY[action]]
            operation = contract["paths"][path][method.lower()]
            operation["x-action"], operation["x-roles"] = action, roles
            told = f"Needs `{action}`: {', '.join(roles)}."
            operation["description"] = f"{operation.get('description', '')}\n\n{told}".strip()
