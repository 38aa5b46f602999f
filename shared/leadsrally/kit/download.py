"""Fetch a file from a server that was named in advance, and from nowhere else.

An address that came with a message is what somebody sent us. So it must lie at one of the places its provider
is known to keep files at; the name must not lead into a private network; credentials go to the first place and
never to where that one sends us on; and the answer may neither be endless nor take for ever.
"""

import http.client
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Final, Never
from urllib.parse import SplitResult, urljoin, urlsplit

from leadsrally.kit.errors import Forbidden, NotFound, Unavailable
from leadsrally.kit.storage import CHUNK_BYTES

_MOVED: Final = frozenset({301, 302, 303, 307, 308})
_MOST_MOVES: Final = 3
_WAIT_SECONDS: Final = 10.0  # for a connection, and for each piece
# What two readers of an address could understand differently is not an address here: spaces, controls,
# backslashes, letters beyond ASCII.
_PLAIN: Final = re.compile(r"[!-\[\]-~]{1,4096}", re.ASCII)

Connect = Callable[[SplitResult], http.client.HTTPConnection]
"""Makes the connection for an address; tests have their own way to a server."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider keeps files: its origin, as `https://host`, and the paths there; both match in full."""

    origin: re.Pattern[str]
    path: re.Pattern[str]

    def holds(self, address: SplitResult) -> bool:
        # All that stands before the path is compared, so there is no room for a user's name or a port.
        origin = f"{address.scheme}://{address.netloc}"
        return bool(self.origin.fullmatch(origin) and self.path.fullmatch(address.path))


@dataclass(frozen=True, slots=True)
class Incoming:
    """An answer on its way. `content_type` is what the server says, without parameters and believed by nobody."""

    status: int
    content_type: str
    length: int | None
    chunks: Iterator[bytes] = field(repr=False)


@contextmanager
def download(
    url: str,
    *,
    first: Sequence[Place],
    then: Sequence[Place] = (),
    headers: Mapping[str, str],
    seconds: float,
    accept: Container[int] = (200,),
    connect: Connect | None = None,
) -> Generator[Incoming]:
    """The file at `url`, which lies at one of the `first` places and is asked for with `headers`.

    A redirect is followed to one of the `then` places only, and without `headers`. `seconds` bound it all,
    whatever the server does. `accept` are the statuses that are an answer.

    Raises `Forbidden` for an address elsewhere, `NotFound` when the server says there is no such file, and
    `Unavailable` for everything that may pass, refused credentials among it; none of them says where or what.
    """
    deadline = time.monotonic() + seconds
    with ExitStack() as opened:
        answer = _follow(url, first, then, headers, connect or _connected, deadline, opened)
        if answer.status not in accept:
            _refuse(answer)
        yield Incoming(
            status=answer.status,
            content_type=answer.getheader("content-type", "").partition(";")[0].strip().lower()[:255],
            length=answer.length,
            chunks=_chunks(answer, deadline),
        )


def _follow(
    url: str,
    first: Sequence[Place],
    then: Sequence[Place],
    headers: Mapping[str, str],
    connect: Connect,
    deadline: float,
    opened: ExitStack,
) -> http.client.HTTPResponse:
    """The first answer that is no redirect. What was opened for it is closed with `opened`."""
    places, sent = first, headers
    nothing: Mapping[str, str] = {}
    for _ in range(_MOST_MOVES + 1):
        address = _allowed(url, places)
        connection = opened.enter_context(closing(connect(address)))
        answer = opened.enter_context(closing(_ask(connection, address, sent)))
        if answer.status not in _MOVED:
            return answer
        url = urljoin(url, answer.getheader("location", ""))
        places, sent = then, nothing
        opened.close()
        if time.monotonic() > deadline:
            break
    raise _unavailable()


def _allowed(url: str, places: Sequence[Place]) -> SplitResult:
    if _PLAIN.fullmatch(url):
        try:
            address = urlsplit(url)
        except ValueError:
            pass
        else:
            if any(place.holds(address) for place in places):
                return address
    raise elsewhere()


def elsewhere() -> Forbidden:
    return Forbidden("The file does not lie where its provider keeps files.", code="elsewhere")


def _ask(
    connection: http.client.HTTPConnection, address: SplitResult, headers: Mapping[str, str]
) -> http.client.HTTPResponse:
    target = f"{address.path}?{address.query}" if address.query else address.path
    try:
        connection.request("GET", target, headers={"accept-encoding": "identity", **headers})
        return connection.getresponse()
    except (OSError, http.client.HTTPException):
        raise _unavailable() from None


def _refuse(answer: http.client.HTTPResponse) -> Never:
    if answer.status in (404, 410):
        raise NotFound("The provider has no such file.", code="missing")
    if answer.status in (401, 403):
        raise Unavailable("The provider refuses the channel's credentials.", code="credentials_refused")
    asked = answer.getheader("retry-after", "")
    raise _unavailable(min(float(asked), 3600.0) if re.fullmatch(r"[0-9]{1,6}", asked, re.ASCII) else None)


def _chunks(answer: http.client.HTTPResponse, deadline: float) -> Iterator[bytes]:
    expected = answer.length
    had = 0
    while True:
        if time.monotonic() > deadline:
            raise _unavailable()
        try:
            chunk = answer.read1(CHUNK_BYTES)
        except (OSError, http.client.HTTPException):
            raise _unavailable() from None
        if not chunk:
            break
        had += len(chunk)
        yield chunk
    if expected is not None and had != expected:
        raise _unavailable()  # the connection broke; half a file is none


def _unavailable(retry_after: float | None = None) -> Unavailable:
    return Unavailable("The provider does not give the file now.", code="not_given", retry_after=retry_after)


def _connected(address: SplitResult) -> http.client.HTTPConnection:
    """TLS to the host's public address, with a certificate for its name."""
    if address.scheme != "https" or address.hostname is None:
        raise elsewhere()
    return Pinned(address.hostname, public_addresses(address.hostname), _trust())


def plainly(address: SplitResult) -> http.client.HTTPConnection:
    """Without encryption and to any address: for a simulator on this machine."""
    return http.client.HTTPConnection(address.netloc, timeout=_WAIT_SECONDS)


class Pinned(http.client.HTTPSConnection):
    """HTTPS to an address that was looked at. The name is not looked up again, so it cannot change meanwhile."""

    def __init__(self, host: str, addresses: Sequence[tuple[str, int]], trust: ssl.SSLContext) -> None:
        super().__init__(host, timeout=_WAIT_SECONDS, context=trust)
        self._addresses = addresses
        self._trusted = trust

    def connect(self) -> None:
        self.sock = self._trusted.wrap_socket(_reach(self._addresses), server_hostname=self.host)


def _reach(addresses: Sequence[tuple[str, int]]) -> socket.socket:
    """A connection to the first that answers; raises the last one's error when none does."""
    for address in addresses[:-1]:
        with suppress(OSError):
            return socket.create_connection(address, _WAIT_SECONDS)
    return socket.create_connection(addresses[-1], _WAIT_SECONDS)


LookUp = Callable[[str], Sequence[str]]


def _look_up(host: str) -> Sequence[str]:
    found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


def public_addresses(host: str, look_up: LookUp | None = None) -> list[tuple[str, int]]:
    """Address and port for each address of `host`.

    Raises `Forbidden` when one of them is in no public network: a name that leads inside as well as outside is
    not to be trusted with either. Raises `Unavailable` when the name has no address now.
    """
    try:
        addresses = (look_up or _look_up)(host)
    except OSError:
        addresses = ()
    if not addresses:
        raise _unavailable()
    if not all(is_public(address) for address in addresses):
        raise Forbidden("The provider's name leads into a private network.", code="elsewhere")
    return [(address, 443) for address in addresses]


_NAT64: Final = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


def is_public(address: str) -> bool:
    """Whether it is a single address of the public Internet, also inside the forms that IPv6 has for IPv4."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inside = parsed.ipv4_mapped or parsed.sixtofour
        if parsed in _NAT64:
            inside = ipaddress.IPv4Address(int(parsed) & 0xFFFF_FFFF)
        if parsed.teredo is not None:
            return False
        if inside is not None:
            return is_public(str(inside))
    return parsed.is_global and not parsed.is_multicast


@cache
def _trust() -> ssl.SSLContext:
    return ssl.create_default_context()
