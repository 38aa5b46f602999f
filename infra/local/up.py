"""`make up`: from nothing to a running LeadsRally with a demo organisation and simulated providers."""

import base64
import os
from pathlib import Path
from socket import socket

from psycopg.conninfo import make_conninfo

from infra.local import demo, demo_meta, secrets
from infra.local.files import STORAGE
from infra.local.migrate import migrate
from infra.local.postgres import DATA_HOME, EmbeddedPostgres
from infra.local.provision import MIGRATE, provision
from infra.local.roles import RoleUrl, logins, passwords, role_url
from infra.local.secrets import HOME, LocalSecrets
from infra.local.serve import serve, take_port
from infra.local.site import BUILT, NOT_BUILT
from infra.simulators.connections import exposing_transport
from infra.simulators.resend import Endpoint, ResendSimulator
from infra.simulators.serve import mount
from leadsrally import runtime
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.settings import Settings

_DATABASE = "leadsrally"


def up(port: int) -> None:
    """Start everything and serve until interrupted. Raises `Misconfigured` with one sentence on what to do."""
    if os.environ.get("LEADSRALLY_ENV") == "production":
        raise Misconfigured("`up` is for development. In production use `leadsrally serve`.")
    with take_port("127.0.0.1", port) as listening:
        _up(listening, port)


def _up(listening: socket, port: int) -> None:
    base_url = f"http://127.0.0.1:{port}"
    kept = secrets.load()
    other = os.environ.get("DATABASE_URL")
    if other:
        _say("using the Postgres of DATABASE_URL")
        key = base64.b64decode(kept.role_key)
        names = logins()
        provision(other, _DATABASE, passwords(names, key), functions=names)
        admin = make_conninfo(other, dbname=_DATABASE)
        _serve(listening, base_url, kept, role_url(admin, key), admin)
        return
    _say("starting the embedded Postgres under .leadsrally/")
    with EmbeddedPostgres.start(DATA_HOME) as postgres:
        names = logins()
        provision(postgres.url(), _DATABASE, functions=names)
        admin = postgres.url(_DATABASE)
        _serve(listening, base_url, kept, lambda role: postgres.url(_DATABASE, role), admin)


def _serve(listening: socket, base_url: str, kept: LocalSecrets, url: RoleUrl, admin: str) -> None:
    _say("bringing the schema up to date")
    migrate(url(MIGRATE), phase="all")
    environment = _environment(base_url, kept)
    master_keys = Settings(environment).keys("LEADSRALLY_MASTER_KEYS")
    if demo.seed(url(MIGRATE), kept, master_keys):
        _say("made the demo organisation")
    demo.Demo(base_url, admin, kept).write(HOME / "demo.json")
    demo.look_at_nothing(url("leadsrally_backup"))
    simulators = mount(
        [demo.twilio_account(url(MIGRATE), kept, master_keys, base_url)],
        demo.PHONES,
        api_keys=[kept.anthropic_api_key],
        apps=[demo_meta.meta_app(kept, base_url), demo_meta.lead_app(kept, base_url)],
        people=demo_meta.people(),
        meta_base=f"{base_url}/simulators/meta",
        resend=ResendSimulator(
            [kept.resend_api_key],
            endpoint=Endpoint(f"{base_url}/webhooks/resend", [kept.resend_webhook_secret]),
        ),
    )
    serve(
        listening,
        environment,
        url,
        mounted={"/simulators": exposing_transport(simulators)},
        ready=lambda: _ready(base_url, kept),
    )
    _say("stopped; everything is kept under .leadsrally/")


def _environment(base_url: str, kept: LocalSecrets) -> dict[str, str]:
    simulators = f"{base_url}/simulators"
    return {
        "LEADSRALLY_ENV": "development",
        "LEADSRALLY_RELEASE": "development",
        "LEADSRALLY_PUBLIC_URL": base_url,
        "LEADSRALLY_MASTER_KEYS": kept.master_keys,
        "LEADSRALLY_HASH_KEY": kept.hash_key,
        "LEADSRALLY_TOKEN_KEY": kept.token_key,
        "LEADSRALLY_APP_URL": base_url,
        "LEADSRALLY_LINK_KEY": kept.link_key,
        "LEADSRALLY_STORAGE_DIR": str(STORAGE),
        "LEADSRALLY_MAIL_FROM": demo.MAIL_FROM,
        "ANTHROPIC_API_KEY": os.environ.get("ANTHROPIC_API_KEY") or kept.anthropic_api_key,
        "ANTHROPIC_BASE_URL": "" if os.environ.get("ANTHROPIC_API_KEY") else f"{simulators}/anthropic",
        "TWILIO_BASE_URL": f"{simulators}/twilio",
        "META_BASE_URL": f"{simulators}/meta",
        "RESEND_API_KEY": kept.resend_api_key,
        "RESEND_BASE_URL": f"{simulators}/resend",
        "RESEND_WEBHOOK_SECRETS": kept.resend_webhook_secret,
        "SENTRY_DSN": f"{base_url.replace('://', '://local@')}/simulators/sentry/1",
    }


def _say(sentence: str) -> None:
    print(f"leadsrally: {sentence}", flush=True)


def _ready(base_url: str, kept: LocalSecrets) -> None:
    demo.set_up_businesses(runtime.of("api").db)
    _tell(base_url, kept)


def _tell(base_url: str, kept: LocalSecrets) -> None:
    width = 11
    built = (BUILT / "index.html").exists()
    lines = {
        "App": base_url if built else NOT_BUILT,
        "API": f"{base_url}/v1  (contract: {base_url}/openapi.json)",
        "Phones": f"{base_url}/simulators/phones",
        "Mailbox": f"{base_url}/simulators/mailbox",
        "Log in as": f"{demo.OWNER_EMAIL}  {kept.owner_password}",
        "For scripts": f"{Path('.leadsrally/demo.json')}",
    }
    _say("ready. Providers are simulated; nothing leaves this machine. Ctrl-C stops.")
    for name, value in lines.items():
        print(f"  {name.ljust(width)}  {value}", flush=True)
