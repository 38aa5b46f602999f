"""A hosted Postgres as Railway's image is: TLS with a root certificate of its own, for the name `localhost` (P4.6, P8.3).

The one start command, the other commands, pg_dump and pg_restore reach it with that root pinned, and in no other way.
"""

import base64
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import monotonic, sleep

import httpx
import psycopg
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from psycopg.conninfo import make_conninfo

from infra.local.backups.programs import ProgramFailed, pg_dump
from infra.local.command import main
from infra.local.pinned import ROOT, pinned, prove_pinned
from infra.local.postgres import EmbeddedPostgres, erase
from infra.local.roles import role_url
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.privacy.clauses.check_all import check_all
from tests.database import throwaway_directory
from tests.world import SETTINGS

ADMIN_PASSWORD = "of the superuser of a test"
ROLE_KEY = b"r" * 32


def _programs() -> Path | None:
    """A server of this machine that speaks TLS; the embedded one does not."""
    asked = shutil.which("pg_config")
    if asked is None or not sys.platform.startswith("linux"):
        return None
    told = [
        subprocess.run([asked, option], capture_output=True, text=True, check=True).stdout
        for option in ("--configure", "--bindir")
    ]
    there = Path(told[1].strip())
    return there if "openssl" in told[0] and (there / "postgres").is_file() else None


PROGRAMS = _programs()
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="no Postgres with TLS here (apt install postgresql)")


class Authority:
    """A root of its own, and what it signs, as the image's start-up script makes them."""

    def __init__(self, name: str = "root-ca") -> None:  # which all of the image's have
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        ca = x509.BasicConstraints(ca=True, path_length=None)
        self._root = self._signed(self._name, self._key, ca)

    @property
    def pem(self) -> str:
        return self._root.public_bytes(serialization.Encoding.PEM).decode()

    def server(self) -> tuple[bytes, bytes]:
        """A certificate for `localhost` and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        made = self._signed(name, key, x509.SubjectAlternativeName([x509.DNSName("localhost")]))
        pem, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
        return made.public_bytes(pem), key.private_bytes(pem, form, serialization.NoEncryption())

    def _signed(
        self, name: x509.Name, key: ec.EllipticCurvePrivateKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        made = x509.CertificateBuilder(self._name, name, key.public_key(), x509.random_serial_number())
        made = made.not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=820))
        return made.add_extension(extension, critical=True).sign(self._key, hashes.SHA256())


@dataclass(frozen=True, slots=True)
class Hosted:
    """The server. It lets nobody in over the network without TLS; whom it is, clients have to look at themselves."""

    server: EmbeddedPostgres
    tls: Path
    host: str
    authority: Authority

    def url(self, dbname: str = "leadsrally", **options: str) -> str:
        return make_conninfo(
            host=self.host, dbname=dbname, user="postgres", password=ADMIN_PASSWORD, **options
        )

    def shows(self, authority: Authority) -> None:
        """From now on the server has a certificate of that authority."""
        certificate, key = authority.server()
        self._write("server.crt", certificate)
        self._write("server.key", key)

    def set(self, name: str, value: str) -> None:
        """Change a setting of the running server and wait until new sessions have it."""
        with psycopg.connect(self.server.url(), autocommit=True) as connection:
            connection.execute(f"ALTER SYSTEM SET {name} = '{value}'".encode())
            connection.execute("SELECT pg_reload_conf()")
        deadline = monotonic() + 20
        while monotonic() < deadline:
            with psycopg.connect(self.server.url()) as connection:
                if connection.execute(f"SHOW {name}".encode()).fetchone() == (value,):
                    return
            sleep(0.02)
        raise AssertionError(f"the server did not take {name}")

    def _write(self, name: str, content: bytes) -> None:
        file = self.tls / name
        file.unlink(missing_ok=True)
        file.write_bytes(content)
        file.chmod(0o600)
        owner = (self.server.home / "data").stat()
        os.chown(file, owner.st_uid, owner.st_gid)


@pytest.fixture(scope="module")
def hosted() -> Iterator[Hosted]:
    """With a migrated database, made by the commands of deploy.md, over TLS."""
    folder = throwaway_directory()
    tls = folder / "tls"
    tls.mkdir(mode=0o755)
    access = tls / "pg_hba.conf"
    access.write_text("local all all trust\nhostssl all all 127.0.0.0/8 scram-sha-256\n")
    host = "127." + ".".join(str(1 + number % 250) for number in os.urandom(3))
    settings = {
        "listen_addresses": host,
        "hba_file": str(access),
        "ssl_cert_file": str(tls / "server.crt"),
        "ssl_key_file": str(tls / "server.key"),
        "fsync": "off",
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PG_BIN", str(PROGRAMS))
        server = EmbeddedPostgres.start(folder / "db", settings=settings, say=lambda _: None)
    try:
        made = Hosted(server, tls, host, Authority())
        _provision(made)
        yield made
    finally:
        server.stop()
        erase(folder / "db")
        shutil.rmtree(folder, ignore_errors=True)


def _provision(made: Hosted) -> None:
    made.shows(made.authority)
    made.set("ssl", "on")
    with psycopg.connect(made.server.url()) as connection:
        connection.execute(f"ALTER ROLE postgres PASSWORD '{ADMIN_PASSWORD}'".encode())
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("LEADSRALLY_ROLE_KEY", base64.b64encode(ROLE_KEY).decode())
        patched.setenv("DATABASE_URL", made.url())
        patched.setenv(ROOT, made.authority.pem)
        assert main(["provision", made.url("postgres")]) == 0
        assert main(["migrate"]) == 0


@pytest.fixture
def production(hosted: Hosted, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, str]:
    """The settings that deploy.md lists for Railway."""
    values = {
        **SETTINGS,
        "LEADSRALLY_ENV": "production",
        "LEADSRALLY_APP_URL": "https://app.example.test",
        "LEADSRALLY_STORAGE_DIR": str(tmp_path / "volume"),
        "LEADSRALLY_ADDRESS_HEADER": "x-real-ip",
        "LEADSRALLY_ROLE_KEY": base64.b64encode(ROLE_KEY).decode(),
        "DATABASE_URL": hosted.url(),
        ROOT: hosted.authority.pem,
    }
    (tmp_path / "volume").mkdir()
    for name in ("LEADSRALLY_BUCKET", "LEADSRALLY_KMS_KEY", "PG_BIN"):
        monkeypatch.delenv(name, raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return values


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str]]:
    def run(*words: str) -> tuple[int, str]:
        capsys.readouterr()
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def clause(url: str, wanted: str = "P4.6") -> tuple[str, str]:
    """What stands about a clause for whoever reaches the database in this way."""
    with closing(Database(role_url(url, ROLE_KEY)("leadsrally_clauses"))) as db, db.across() as tx:
        found = next(each for each in check_all(tx, datetime.now(UTC)) if each.clause.id == wanted)
    return found.state, found.sentence


@pytest.mark.usefixtures("production")
class TestStart:
    def test_P4_6_one_command_starts_all_of_it(self, hosted: Hosted, tmp_path: Path):
        said = tmp_path / "said"
        with said.open("w") as out:
            command = [sys.executable, "-m", "infra.local.command", "serve", "--host", "127.0.0.1", "--port"]
            port = str(20_000 + os.getpid() % 20_000)
            process = subprocess.Popen([*command, port], stdout=out, stderr=subprocess.STDOUT)
        try:
            answer = _asked(f"http://127.0.0.1:{port}/healthz", process, said)
            assert answer.status_code == 200
            with psycopg.connect(hosted.server.url("leadsrally")) as connection:
                ways = connection.execute(
                    "SELECT a.usename, s.ssl FROM pg_stat_activity AS a JOIN pg_stat_ssl AS s USING (pid)"
                    " WHERE a.usename LIKE 'leadsrally%'"
                ).fetchall()
            assert len({role for role, _ in ways}) > 20  # every function has been started
            assert {ssl for _, ssl in ways} == {True}
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(30) == 0

    @pytest.mark.parametrize("name", ["root-ca", "another root"])
    def test_P8_3_a_root_that_did_not_sign_it(self, name: str, said: Callable[..., tuple[int, str]],
                                              monkeypatch: pytest.MonkeyPatch):  # fmt: skip
        monkeypatch.setenv(ROOT, Authority(name).pem)
        code, told = said("serve", "--host", "127.0.0.1", "--port", "0")
        assert code == 2
        assert "did not prove that its certificate is signed" in told

    def test_P8_3_the_image_made_itself_new_ones(self, hosted: Hosted, said: Callable[..., tuple[int, str]]):
        hosted.shows(Authority())
        hosted.set("work_mem", "5MB")  # a reload
        try:
            code, told = said("serve", "--host", "127.0.0.1", "--port", "0")
            assert (code, "did not prove that its certificate is signed" in told) == (2, True)
        finally:
            hosted.shows(hosted.authority)
            hosted.set("work_mem", "4MB")

    @pytest.mark.parametrize("mode", ["disable", "allow", "prefer", "require"])
    def test_P8_3_anything_less_than_verified(self, hosted: Hosted, mode: str, monkeypatch: pytest.MonkeyPatch,
                                              said: Callable[..., tuple[int, str]]):  # fmt: skip
        monkeypatch.setenv("DATABASE_URL", hosted.url(sslmode=mode))
        code, told = said("serve", "--host", "127.0.0.1", "--port", "0")
        assert code == 2
        assert f"found sslmode={mode}" in told

    def test_P8_3_a_server_in_clear(self, hosted: Hosted, said: Callable[..., tuple[int, str]]):
        hosted.set("ssl", "off")
        try:
            code, told = said("serve", "--host", "127.0.0.1", "--port", "0")
        finally:
            hosted.set("ssl", "on")
        assert code == 2
        assert "does not speak TLS" in told

    def test_P8_3_the_name_of_a_proxy_is_not_that_of_the_certificate(self, hosted: Hosted):
        address = pinned(hosted.url(sslmode="verify-full"), {ROOT: hosted.authority.pem})
        with pytest.raises(Misconfigured, match="use sslmode=verify-ca"):
            prove_pinned(address)

    def test_with_passwords_of_another_key(self, said: Callable[..., tuple[int, str]],
                                           monkeypatch: pytest.MonkeyPatch):  # fmt: skip
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", base64.b64encode(b"q" * 32).decode())
        code, told = said("serve", "--host", "127.0.0.1", "--port", "0")
        assert code == 2
        assert "run `leadsrally provision` with the same LEADSRALLY_ROLE_KEY" in told

    def test_with_nobody_there(self, hosted: Hosted):
        with pytest.raises(Unavailable, match="does not answer at the host and port"):
            prove_pinned(make_conninfo(hosted.url(), port=1))

    def test_with_a_root_that_is_none(self, hosted: Hosted):
        with pytest.raises(Misconfigured, match="holds no certificate"):
            pinned(hosted.url(), {ROOT: "postgresql://a:secret@b/c"})
        with pytest.raises(Misconfigured, match="cannot be read"):
            prove_pinned(hosted.url(sslmode="verify-ca", sslrootcert="/nowhere/root.crt"))

    def test_a_panel_keeps_it_on_one_line(self, hosted: Hosted):
        prove_pinned(pinned(hosted.url(), {ROOT: hosted.authority.pem.replace("\n", "\\n")}))


@pytest.mark.usefixtures("production")
class TestBackups:
    def test_P6_6_dumped_and_restored_over_the_pinned_connection(
        self, hosted: Hosted, said: Callable[..., tuple[int, str]]
    ):
        """The server lets nobody in without TLS, so both went over it."""
        with psycopg.connect(hosted.server.url("leadsrally")) as connection:
            connection.execute(
                "INSERT INTO organizations (id, name, created_at)"
                " VALUES (gen_random_uuid(), 'of the dump', now()) ON CONFLICT DO NOTHING"
            )
        code, told = said("backup")
        assert code == 0, told
        code, told = said("restore", hosted.url("postgres"), "--database", "come_back")
        assert code == 0, told
        with psycopg.connect(hosted.server.url("come_back")) as connection:
            names = connection.execute("SELECT name FROM organizations").fetchall()
        assert names == [("of the dump",)]

    def test_P6_6_pg_dump_gives_nothing_to_a_stranger(self, hosted: Hosted):
        right = role_url(pinned(hosted.url(), {ROOT: hosted.authority.pem}), ROLE_KEY)("leadsrally_backup")
        wrong = role_url(pinned(hosted.url(), {ROOT: Authority().pem}), ROLE_KEY)("leadsrally_backup")
        with psycopg.connect(right) as connection:
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            found = connection.execute("SELECT pg_export_snapshot()").fetchone()
            assert found is not None
            with (
                pytest.raises(ProgramFailed, match="SSL error"),
                pg_dump(wrong, found[0]) as pieces,
            ):
                list(pieces)
            with pg_dump(right, found[0]) as pieces:
                assert b"".join(pieces).startswith(b"PGDMP")


@pytest.mark.usefixtures("production")
class TestClause:
    def test_P4_6_kept_over_a_verified_connection(self, hosted: Hosted):
        state, sentence = clause(pinned(hosted.url(), {ROOT: hosted.authority.pem}))
        assert state == "kept"
        assert "of the pinned root" in sentence

    def test_P4_6_broken_over_one_that_trusts_whoever_answers(self, hosted: Hosted):
        state, sentence = clause(hosted.url(sslmode="require"))
        assert state == "broken"
        assert "no root certificate is pinned" in sentence

    def test_P4_6_on_one_machine_it_claims_no_certificate(self, hosted: Hosted):
        state, sentence = clause(hosted.server.url("leadsrally"))
        assert state == "kept"
        assert "no certificate was checked" in sentence


def _asked(url: str, process: subprocess.Popen[bytes], said: Path) -> httpx.Response:
    """The first answer, asked for as Railway's health check asks."""
    deadline = monotonic() + 60
    while monotonic() < deadline and process.poll() is None:
        try:
            return httpx.get(url, headers={"host": "healthcheck.railway.app"})
        except httpx.TransportError:
            sleep(0.1)
    raise AssertionError(said.read_text())
