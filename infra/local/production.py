"""The one-process host in production, and how the command finds the installation it is to work on."""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from psycopg.conninfo import conninfo_to_dict

from infra.local import secrets
from infra.local.files import STORAGE
from infra.local.pinned import pinned
from infra.local.provision import provision
from infra.local.roles import RoleUrl, logins, passwords, role_url
from infra.local.secrets import HOME
from infra.local.serve import serve, take_port
from leadsrally.disclosures.subprocessors import hosts_of
from leadsrally.kit.db import refuse_unpinned
from leadsrally.kit.errors import Misconfigured

_DATABASE = "leadsrally"


@dataclass(frozen=True, slots=True)
class Installation:
    """Where the system's data is, and the settings it lives by."""

    role_url: RoleUrl
    production: bool
    environment: Mapping[str, str] = field(repr=False)
    role_key: bytes = field(repr=False)  # from which the roles' passwords follow
    admin_url: str | None = field(default=None, repr=False)  # a superuser's, where it is known


def installation() -> Installation:
    """The one DATABASE_URL names, else the `make up` of this checkout. Raises `Misconfigured` for neither."""
    if "DATABASE_URL" in os.environ and "LEADSRALLY_ROLE_KEY" in os.environ:
        production = os.environ.get("LEADSRALLY_ENV") != "development"
        key = _role_key(os.environ)
        return Installation(
            role_url(pinned(os.environ["DATABASE_URL"], os.environ), key), production, os.environ, key
        )
    demo = HOME / "demo.json"
    if not demo.exists():
        raise Misconfigured(
            "Nothing is installed here. Run `make up` first, or set DATABASE_URL and LEADSRALLY_ROLE_KEY."
        )
    told = json.loads(demo.read_text(encoding="utf-8"))
    base = told["database_url"]
    kept = secrets.load()
    environment = {
        "LEADSRALLY_ENV": "development",
        "LEADSRALLY_MASTER_KEYS": kept.master_keys,
        "LEADSRALLY_HASH_KEY": kept.hash_key,
        "LEADSRALLY_APP_URL": told.get("base_url", ""),
        "LEADSRALLY_MAIL_FROM": told.get("mail_from", ""),
        "LEADSRALLY_STORAGE_DIR": str(STORAGE),
        "SENTRY_API_URL": f"{told['base_url']}/simulators/sentry",
        "SENTRY_API_TOKEN": "simulated",
        "SENTRY_ORG": "leadsrally",
        "SENTRY_PROJECT": "1",
    }
    key = base64.b64decode(kept.role_key)
    return Installation(role_url(base, key), False, environment, key, admin_url=base)


def serve_production(host: str, port: int) -> None:
    """Serve all functions, without simulators and without an embedded database.

    Raises `Misconfigured` at once for a missing secret, a database connection that is not encrypted and
    verified (P8.3), or a role that could see past row-level security.
    """
    if os.environ.get("LEADSRALLY_ENV") != "production":
        raise Misconfigured(
            "`serve` is for production: set LEADSRALLY_ENV=production. On a laptop use `make up`."
        )
    for name in ("TWILIO_BASE_URL", "META_BASE_URL", "RESEND_BASE_URL"):
        if os.environ.get(name):
            raise Misconfigured(
                f"{name} is for simulators; production talks to the provider itself. Unset it."
            )
    if not os.environ.get("LEADSRALLY_APP_URL", "https://").startswith("https://"):
        raise Misconfigured(
            "LEADSRALLY_APP_URL must begin with https://: people's sessions and links go there."
        )
    if os.environ.get("LEADSRALLY_BUCKET") and "aws" not in hosts_of(os.environ.get("LEADSRALLY_HOSTED_BY")):
        raise Misconfigured(
            "Files are to lie at AWS, which the public list of subprocessors does not say: add aws to"
            " LEADSRALLY_HOSTED_BY, with a version of the policy that announces it."
        )
    base = pinned(_required(os.environ, "DATABASE_URL"), os.environ)
    refuse_unpinned(base)
    url = role_url(base, _role_key(os.environ))
    with take_port(host, port) as listening:
        serve(listening, os.environ, url, ready=lambda: print(f"leadsrally: serving on {host}:{port}"))


def provision_server(admin_url: str) -> None:
    """Make the roles, with passwords derived from LEADSRALLY_ROLE_KEY, and the database."""
    names = logins()
    admin_url = pinned(admin_url, os.environ)
    database = str(conninfo_to_dict(admin_url).get("dbname") or _DATABASE)
    if database == "postgres":
        database = _DATABASE
    provision(admin_url, database, passwords(names, _role_key(os.environ)), functions=names)
    print(f"leadsrally: roles and database {database} are ready")


def _role_key(environment: Mapping[str, str]) -> bytes:
    key = base64.b64decode(_required(environment, "LEADSRALLY_ROLE_KEY"))
    if len(key) < 32:
        raise Misconfigured("LEADSRALLY_ROLE_KEY must hold base64 of 32 bytes or more.")
    return key


def _required(environment: Mapping[str, str], name: str) -> str:
    value = environment.get(name)
    if not value:
        raise Misconfigured(f"{name} is not set.", code="missing_setting")
    return value
