"""O3: a file is fetched from where its provider keeps files, and nothing else is ever connected to."""

import re
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from leadsrally.kit import download as downloading
from leadsrally.kit.download import Pinned, Place, download, is_public, public_addresses
from leadsrally.kit.errors import Forbidden, LeadsRallyError, NotFound, Unavailable
from tests.providers.servers import Elsewhere, elsewhere

API = Place(re.compile(r"https://api\.provider\.test"), re.compile(r"/files/[0-9a-z-]+", re.ASCII))
CDN = Place(re.compile(r"https://cdn\.provider\.test"), re.compile(r"(/[\w-]+)+", re.ASCII))
SECRET = {"authorization": "Basic canary"}
URL = "https://api.provider.test/files/1"


@pytest.fixture
def servers() -> Iterator[Elsewhere]:
    with elsewhere() as made:
        made.answers["api.provider.test/files/1"] = (200, {"content-type": "Image/PNG; x=1"}, b"picture")
        yield made


def fetch(servers: Elsewhere, url: str = URL, **options: Any) -> bytes:
    told: dict[str, Any] = {"first": [API], "then": [CDN], "headers": SECRET, "seconds": 5.0, **options}
    with download(url, connect=servers.connect, **told) as incoming:
        return b"".join(incoming.chunks)


class TestPlaces:
    @pytest.mark.parametrize("url", [URL, "https://api.provider.test/files/a-1?x=%2F..&y=@evil.test"])
    def test_where_the_provider_keeps_files(self, servers: Elsewhere, url: str):
        servers.answers["api.provider.test/files/a-1"] = (200, {}, b"picture")
        assert fetch(servers, url) == b"picture"
        assert servers.asked[0].headers["authorization"] == "Basic canary"

    @pytest.mark.parametrize(
        "url",
        [
            "", "x", "//api.provider.test/files/1", "file:///etc/passwd", "ftp://api.provider.test/files/1",
            "http://api.provider.test/files/1",
            "https://evil.test/files/1",
            "https://api.provider.test.evil.test/files/1",
            "https://evil-api.provider.test/files/1",
            "https://api.provider.test:8443/files/1",
            "https://api.provider.test:443/files/1",
            "https://api.provider.test./files/1",
            "https://API.PROVIDER.TEST/files/1",
            "https://user@api.provider.test/files/1",
            "https://api.provider.test@evil.test/files/1",
            "https://api.provider.test:x@evil.test/files/1",
            "https://api.provider.test\\@evil.test/files/1",
            "https://evil.test\\@api.provider.test/files/1",
            "https://evil.test#@api.provider.test/files/1",
            "https://api.provider.test#@evil.test/files/1",
            "https://api.provider.test/files/1/../../Messages.json",
            "https://api.provider.test/files/../Messages.json",
            "https://api.provider.test/files/%2e%2e/Messages.json",
            "https://api.provider.test//files/1",
            "https://api.provider.test/Messages.json",
            "https://api.provider.test/files/1\r\nX: y",
            "https://api.provider.test/files/1 HTTP/1.1",
            "https://api.provider.test/files/\u0661",
            "https://api.provider\u3002test/files/1",
            "https://\uff41pi.provider.test/files/1",
            "https://[api.provider.test/files/1",
            "https://127.0.0.1/files/1", "https://2130706433/files/1", "https://[::1]/files/1",
            "https://169.254.169.254/latest/meta-data/",
            URL + "?" + "x" * 5000,
        ],
    )  # fmt: skip
    def test_O3_nowhere_else(self, servers: Elsewhere, url: str):
        with pytest.raises(Forbidden) as error:
            fetch(servers, url)
        assert error.value.code == "elsewhere"
        assert "test" not in str(error.value)
        assert servers.connected == []


class TestRedirects:
    def moved(self, servers: Elsewhere, to: str, status: int = 307) -> None:
        servers.answers["api.provider.test/files/1"] = (status, {"location": to}, b"")

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_O3_one_of_the_providers_own_is_followed_without_credentials(
        self, servers: Elsewhere, status: int
    ):
        self.moved(servers, "https://cdn.provider.test/a/b?Signature=x", status)
        servers.answers["cdn.provider.test/a/b"] = (200, {}, b"picture")
        assert fetch(servers) == b"picture"
        assert [asked.host for asked in servers.asked] == ["api.provider.test", "cdn.provider.test"]
        assert servers.asked[1].target == "/a/b?Signature=x"
        assert "authorization" not in servers.asked[1].headers
        assert "canary" not in str(servers.asked[1])

    @pytest.mark.parametrize(
        "to",
        [
            "https://evil.test/a", "http://cdn.provider.test/a", "https://cdn.provider.test@evil.test/a",
            "//evil.test/a", "/files/2", "", "http://169.254.169.254/latest", "https://cdn.provider.test:444/a",
            "https://api.provider.test/files/2", "javascript:alert(1)", "https://cdn.provider.test/a b",
        ],
    )  # fmt: skip
    def test_O3_nobody_else_is(self, servers: Elsewhere, to: str):
        self.moved(servers, to)
        with pytest.raises(Forbidden):
            fetch(servers)
        assert servers.connected == ["api.provider.test"]

    def test_O3_not_for_ever(self, servers: Elsewhere):
        self.moved(servers, "https://cdn.provider.test/a")
        servers.answers["cdn.provider.test/a"] = (302, {"location": "https://cdn.provider.test/a"}, b"")
        with pytest.raises(Unavailable):
            fetch(servers)
        assert len(servers.asked) == 4


class TestAnswers:
    @pytest.mark.parametrize(
        ("status", "kind", "code"),
        [
            (404, NotFound, "missing"), (410, NotFound, "missing"),
            (401, Unavailable, "credentials_refused"), (403, Unavailable, "credentials_refused"),
            (429, Unavailable, "not_given"), (500, Unavailable, "not_given"), (503, Unavailable, "not_given"),
            (204, Unavailable, "not_given"), (206, Unavailable, "not_given"), (400, Unavailable, "not_given"),
        ],
    )  # fmt: skip
    def test_each_status_has_its_meaning(
        self, servers: Elsewhere, status: int, kind: type[LeadsRallyError], code: str
    ):
        servers.answers["api.provider.test/files/1"] = (status, {}, b"" if status == 204 else b"canary")
        with pytest.raises(LeadsRallyError) as error:
            fetch(servers)
        assert (type(error.value), error.value.code) == (kind, code)
        assert "canary" not in str(error.value)

    @pytest.mark.parametrize(("said", "asked"), [("7", 7.0), ("86400", 3600.0), ("soon", None), ("-1", None)])
    def test_the_pause_that_is_asked_for(self, servers: Elsewhere, said: str, asked: float | None):
        servers.answers["api.provider.test/files/1"] = (429, {"retry-after": said}, b"")
        with pytest.raises(Unavailable) as error:
            fetch(servers)
        assert error.value.retry_after == asked

    def test_what_the_server_says_of_it(self, servers: Elsewhere):
        with download(URL, first=[API], headers={}, seconds=5.0, connect=servers.connect) as incoming:
            assert (incoming.content_type, incoming.length) == ("image/png", 7)
            assert "picture" not in repr(incoming)
        assert servers.asked[0].headers["accept-encoding"] == "identity"

    def test_half_a_file_is_none(self, servers: Elsewhere):
        servers.answers["api.provider.test/files/1"] = (200, {"content-length": "100"}, b"half")
        with pytest.raises(Unavailable):
            fetch(servers)

    def test_O3_one_that_drips_ends_with_its_time(self, servers: Elsewhere):
        ended = threading.Event()

        def drip(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.end_headers()
            while not ended.wait(0.01):
                try:
                    handler.wfile.write(b"x")
                except OSError:
                    return

        servers.answers["api.provider.test/files/1"] = drip
        with pytest.raises(Unavailable):
            fetch(servers, seconds=0.2)  # else it would go on for ever
        ended.set()

    @pytest.mark.parametrize(
        "garbage", [b"", b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 300 + b"\r\n"]
    )
    def test_what_is_no_http_is_no_answer(self, servers: Elsewhere, garbage: bytes):
        def babble(handler: BaseHTTPRequestHandler) -> None:
            handler.wfile.write(garbage)
            handler.close_connection = True

        servers.answers["api.provider.test/files/1"] = babble
        with pytest.raises(Unavailable):
            fetch(servers)

    def test_nobody_there(self, servers: Elsewhere, closed_port: int):
        servers.port = closed_port
        with pytest.raises(Unavailable):
            fetch(servers)


class TestAddresses:
    @pytest.mark.parametrize(
        "address",
        [
            "0.0.0.0", "10.0.0.1", "100.64.0.1", "127.0.0.1", "127.1.2.3", "169.254.169.254", "172.16.0.1",
            "172.31.255.255", "192.0.0.1", "192.0.2.1", "192.168.1.1", "198.18.0.1", "198.51.100.1",
            "203.0.113.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255",
            "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00::1", "ff02::1", "2001:db8::1", "100::1",
            "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a00:1",
            "2002:7f00:1::", "2002:a00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "localhost", "127.1", "0x7f000001", "2130706433", "", "1.2.3.4.5",
        ],
    )  # fmt: skip
    def test_O1_O3_inside(self, address: str):
        assert not is_public(address)

    @pytest.mark.parametrize(
        "address",
        ["1.1.1.1", "8.8.8.8", "54.172.60.0", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"],
    )
    def test_outside(self, address: str):
        assert is_public(address)

    def test_O3_a_name_that_leads_inside_and_outside_leads_nowhere(self):
        assert public_addresses("x.test", lambda _host: ["8.8.8.8"]) == [("8.8.8.8", 443)]
        with pytest.raises(Forbidden):
            public_addresses("x.test", lambda _host: ["8.8.8.8", "10.0.0.1"])

    def test_a_name_without_an_address_is_tried_again(self):
        def unknown(_host: str) -> list[str]:
            raise OSError("x.test")

        for look_up in (unknown, lambda _host: []):
            with pytest.raises(Unavailable):
                public_addresses("x.test", look_up)

    def test_O3_rebinding_finds_the_name_looked_up_once(self, monkeypatch: pytest.MonkeyPatch):
        """Public when it is looked at, private a moment later: what was looked at is what is connected to."""
        answers = [["8.8.8.8"], ["169.254.169.254"]]
        connected: list[Any] = []

        def create(address: Any, _timeout: float) -> Any:
            connected.append(address)
            raise OSError

        monkeypatch.setattr(downloading, "_look_up", lambda _host: answers.pop(0))
        monkeypatch.setattr("socket.create_connection", create)
        with (
            pytest.raises(Unavailable),
            download(URL, first=[API], headers={}, seconds=5.0),
        ):
            pass
        assert connected == [("8.8.8.8", 443)]
        assert answers == [["169.254.169.254"]]


class TestTls:
    """The connection goes to the address that was looked at; the certificate must still be for the name."""

    @pytest.fixture
    def authority(self, tmp_path: Path) -> Path:
        return tmp_path

    @pytest.fixture
    def serving(self, authority: Path) -> Iterator[int]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.send_header("content-length", "7")
                self.end_headers()
                self.wfile.write(b"picture")

            def log_message(self, *_args: object) -> None:
                pass

        certify("api.provider.test", authority)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(authority / "server.pem")
        server = HTTPServer(("127.0.0.1", 0), Handler)
        server.handle_error = lambda *_args: None  # pyright: ignore[reportAttributeAccessIssue]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()
        server.server_close()

    def fetch(self, url: str, port: int, trust: ssl.SSLContext) -> bytes:
        def connect(address: SplitResult) -> Pinned:
            return Pinned(str(address.hostname), [("127.0.0.1", 9), ("127.0.0.1", port)], trust)

        place = Place(re.compile(r"https://\w+\.provider\.test"), re.compile(r"/files/1"))
        with download(url, first=[place], headers={}, seconds=5.0, connect=connect) as incoming:
            return b"".join(incoming.chunks)

    def test_O3_the_name_is_checked_though_the_address_is_ours(self, authority: Path, serving: int):
        trust = ssl.create_default_context(cafile=str(authority / "ca.pem"))
        assert self.fetch("https://api.provider.test/files/1", serving, trust) == b"picture"
        with pytest.raises(Unavailable):
            self.fetch("https://other.provider.test/files/1", serving, trust)

    def test_O3_a_certificate_of_nobody_is_none(self, authority: Path, serving: int):
        with pytest.raises(Unavailable):
            self.fetch("https://api.provider.test/files/1", serving, downloading._trust())


def certify(name: str, folder: Path) -> None:
    """An authority of one test, and a certificate of it for `name`."""
    now = datetime.now(UTC)

    def made(subject: str, key: Any, issuer: str, signer: Any, extension: Any) -> x509.Certificate:
        builder = x509.CertificateBuilder(
            issuer_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]),
            subject_name=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]),
            public_key=key.public_key(),
            serial_number=x509.random_serial_number(),
            not_valid_before=now - timedelta(minutes=1),
            not_valid_after=now + timedelta(minutes=10),
        )
        return builder.add_extension(extension, critical=True).sign(signer, hashes.SHA256())

    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = made("test", authority, "test", authority, x509.BasicConstraints(ca=True, path_length=0))
    leaf = made(name, server, "test", authority, x509.SubjectAlternativeName([x509.DNSName(name)]))
    (folder / "ca.pem").write_bytes(ca.public_bytes(Encoding.PEM))
    key = server.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "server.pem").write_bytes(key + leaf.public_bytes(Encoding.PEM))


@pytest.fixture
def closed_port() -> Iterator[int]:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def test_no_plain_connection_is_made_but_for_a_simulator() -> None:
    with pytest.raises(Forbidden):
        downloading._connected(urlsplit("http://api.provider.test/files/1"))
    assert ip_address("127.0.0.1").is_loopback
