"""How a function reaches Postgres: its own role, on whatever server the installation uses."""

import base64
import hashlib
import hmac
from collections.abc import Callable, Sequence

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from infra.local.functions import load
from infra.local.provision import MIGRATE, role_of

RoleUrl = Callable[[str], str]
"""Gives the address for a role."""

# Roles that are no function's: those of `leadsrally backup`, `incident`, `keys` and `quarantine`.
EXTRA = ("backup", "incidents", "keys", "quarantine")


def logins() -> list[str]:
    """The names behind every role that logs in besides the migrations'."""
    return [*(function.name for function in load()), *EXTRA]


def password_of(role: str, key: bytes) -> str:
    """A role's password, derived so that one secret serves all roles and none is stored."""
    return base64.urlsafe_b64encode(hmac.digest(key, role.encode(), hashlib.sha256)).decode().rstrip("=")


def role_url(base: str, key: bytes) -> RoleUrl:
    """Addresses on the server of `base`, with each role's derived password in place of its user's."""
    options = conninfo_to_dict(base)

    def url(role: str) -> str:
        return make_conninfo(**{**options, "user": role, "password": password_of(role, key)})

    return url


def passwords(functions: Sequence[str], key: bytes) -> dict[str, str]:
    """What `provision` sets, for every role that logs in."""
    return {role: password_of(role, key) for role in [MIGRATE, *(role_of(name) for name in functions)]}
