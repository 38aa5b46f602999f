"""Serve every function of serverless.yml from this process: HTTP, queues and schedules."""

import asyncio
import signal
import socket
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

import uvicorn

from infra.local import files, schedules
from infra.local.backups.nightly import BACKUP
from infra.local.bells import Bells
from infra.local.functions import Function, load
from infra.local.host import Application, Host
from infra.local.pinned import prove_pinned
from infra.local.provision import role_of
from infra.local.roles import RoleUrl
from infra.local.site import BUILT, Site
from leadsrally import runtime
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.settings import Settings
from leadsrally.runtime import Runtime
from leadsrally.telemetry.foreign import withhold_foreign

_HTTP_CONNECTIONS = 8
_QUEUE_CONNECTIONS = 6


def take_port(host: str, port: int) -> socket.socket:
    """Bind before anything else is started. Raises `Misconfigured` when somebody else has the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, since asyncio turns Nagle off only then; with it every answer would wait 40 ms.
    taken = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        taken.bind((host, port))
    except OSError:
        taken.close()
        raise Misconfigured(
            f"Port {port} is taken. Stop the other program or choose another port: PORT={port + 1} make up",
            code="port_taken",
        ) from None
    return taken


def serve(
    listening: socket.socket,
    environment: Mapping[str, str],
    role_url: RoleUrl,
    *,
    mounted: dict[str, Application] | None = None,
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve until SIGINT or SIGTERM, then finish what is running.

    Each function gets the settings that serverless.yml gives it out of `environment`, and a database role of
    its own. Raises `Misconfigured` at once when one lacks a setting it needs, and when the database is not the one whose
    root certificate is pinned; `Unavailable` when none answers.
    """
    withhold_foreign()
    functions = load()
    bells_db = Database(role_url(role_of("tick")), connections=3)
    bells = Bells(functions, bells_db, role_url(role_of("tick")), system_clock)
    for function in (*functions, BACKUP):
        runtime.install(_runtime(function, environment, role_url, bells))
    for function in functions:
        if "LEADSRALLY_STORAGE_DIR" in function.settings:
            runtime.of(function.name).storage  # noqa: B018  nowhere to keep files is a mistake to hear of now
    prove_pinned(role_url(role_of("tick")))
    for function in (*functions, BACKUP):
        runtime.of(function.name).db  # noqa: B018  a role that is too strong stops the start, not a request
    for function in functions:
        if function.schedules:
            schedules.ring(function, datetime.now(UTC))  # makes up for what was missed while we were down
    host = Host(
        functions,
        mounted={**files.mounted(environment), **(mounted or {})},
        site=Site(BUILT, environment),
        address_header=environment.get("LEADSRALLY_ADDRESS_HEADER"),
    )
    clockwork = schedules.Schedules([*functions, BACKUP], system_clock, at_once=[BACKUP])  # holds up no start
    bells.start()
    clockwork.start()
    try:
        _run(host, listening, ready)
    finally:
        clockwork.stop()
        bells.stop()
        host.close()
        for function in (*functions, BACKUP):
            runtime.of(function.name).db.close()
        bells_db.close()


def _runtime(function: Function, environment: Mapping[str, str], role_url: RoleUrl, bells: Bells) -> Runtime:
    values = {**environment, "DATABASE_URL": role_url(role_of(function.name))}
    # Bells ring in this process, not at SQS.
    values.pop("LEADSRALLY_QUEUES", None)
    settings = Settings(values, allowed=function.settings)
    settings.refuse_gaps()
    connections = _HTTP_CONNECTIONS if function.routes else _QUEUE_CONNECTIONS if function.queue else 1
    return Runtime(function.name, settings, connections=connections, announce=bells.announce)


def _run(host: Host, listening: socket.socket, ready: Callable[[], None]) -> None:
    config = uvicorn.Config(
        host,
        lifespan="off",
        access_log=False,  # a request line holds a channel's key
        log_config=None,
        log_level="warning",
        proxy_headers=False,  # uvicorn would believe a forwarding header of anybody on this machine
        server_header=False,
        timeout_graceful_shutdown=20,
    )
    server = _Server(config)

    async def main() -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        while not server.started and not task.done():  # noqa: ASYNC110  uvicorn tells of its start in no other way
            await asyncio.sleep(0.01)
        if server.started:
            ready()
        await task

    with asyncio.Runner(loop_factory=config.get_loop_factory()) as runner:
        runner.run(main())


class _Server(uvicorn.Server):
    """Uvicorn without its own signal handling, which ends the process before the queues have been put away."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield

    def stop(self) -> None:
        """Finish what is running; at the second call, do not wait for it."""
        self.force_exit = self.should_exit
        self.should_exit = True
