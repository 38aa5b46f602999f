"""Drop a client's connection without an answer, as a broken network does.

ASGI has no event for this: returning or raising before the response starts makes uvicorn answer 500. So
the transport itself is taken and closed with a TCP reset.
"""

import os
import socket
import struct
from asyncio import Transport
from typing import Any

from starlette.types import ASGIApp, Receive, Scope, Send

_EXTENSION = "leadsrally.transport"


class Unreachable(RuntimeError):
    """The transport below this request can't be found (a middleware hides it, or it is no uvicorn)."""


def exposing_transport(app: ASGIApp) -> ASGIApp:
    """Outermost wrapper for hosts whose middleware replaces `receive`: keeps resets possible below it."""

    async def exposed(scope: Scope, receive: Receive, send: Send) -> None:
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
        if transport is not None:
            scope.setdefault("extensions", {})[_EXTENSION] = transport
        await app(scope, receive, send)

    return exposed


def transport_of(scope: Scope, receive: Receive) -> Transport:
    """The transport that carries this request.

    uvicorn hands the application the bound method `RequestResponseCycle.receive`, in its httptools and its
    h11 protocol alike, and the cycle holds the transport.
    """
    transport: Any = scope.get("extensions", {}).get(_EXTENSION)
    if transport is None:
        transport = getattr(getattr(receive, "__self__", None), "transport", None)
    if transport is None:
        raise Unreachable("wrap the outermost application in infra.simulators.connections.exposing_transport")
    return transport


async def reset(scope: Scope, receive: Receive) -> None:
    """Send RST instead of an answer and return once the server has noticed that the connection is gone."""
    transport = transport_of(scope, receive)
    raw = transport.get_extra_info("socket")
    if raw is not None:
        # A linger time of zero makes close() send RST instead of FIN. Set through a duplicate of the
        # descriptor, because uvloop's stand-in for the socket has no setsockopt.
        duplicate = socket.socket(fileno=os.dup(raw.fileno()))
        duplicate.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        duplicate.close()
    transport.abort()
    await until_gone(receive)


async def until_gone(receive: Receive) -> None:
    """Return when the client has closed its end; uvicorn stays silent for a request that ends afterwards."""
    while (await receive())["type"] != "http.disconnect":
        pass
