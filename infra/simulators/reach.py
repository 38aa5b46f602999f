"""Calling out of a simulator: where a public address is served in reality, and the client that calls there."""

import asyncio
import ssl
from functools import cache

import httpx2


class Reach(dict[str, str]):
    """The beginning of a public address, and where it is served.

    So `https://hooks.example.test/…` can be signed while a loopback port answers.
    """

    _client: tuple[asyncio.AbstractEventLoop, httpx2.AsyncClient] | None = None

    def served(self, address: str) -> str:
        """Where to call for this public address."""
        for public, served in self.items():
            if address.startswith(public):
                return served + address.removeprefix(public)
        return address

    def http(self) -> httpx2.AsyncClient:
        """One client per event loop. No connection is kept, so an idle simulator holds no socket."""
        loop = asyncio.get_running_loop()
        if self._client is None or self._client[0] is not loop:
            limits = httpx2.Limits(max_connections=None, max_keepalive_connections=0)
            self._client = (loop, httpx2.AsyncClient(limits=limits, trust_env=False, verify=_trust()))
        return self._client[1]


@cache
def _trust() -> ssl.SSLContext:
    """Reading the machine's certificates takes 30 ms; once is enough."""
    return ssl.create_default_context()
