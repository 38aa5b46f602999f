"""What the one-process host refuses to start with."""

import base64

import pytest

from infra.local.command import main
from infra.local.roles import password_of, role_url
from leadsrally.kit.db import refuse_unpinned
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.settings import Settings
from tests.world import SETTINGS

KEY = base64.b64encode(b"k" * 32).decode()
PINNED = "postgresql://u@db.example.test/leadsrally?sslmode=verify-ca&sslrootcert=/etc/ca.crt"


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "LEADSRALLY_ENV",
        "LEADSRALLY_APP_URL",
        "DATABASE_URL",
        "TWILIO_BASE_URL",
        "META_BASE_URL",
        "RESEND_BASE_URL",
        "LEADSRALLY_ROLE_KEY",
        "LEADSRALLY_BUCKET",
        "LEADSRALLY_HOSTED_BY",
    ):
        monkeypatch.delenv(name, raising=False)


class TestServe:
    def _said(self, capsys: pytest.CaptureFixture[str]) -> str:
        assert main(["serve", "--port", "0"]) == 2
        return capsys.readouterr().err

    def test_outside_production(self, capsys: pytest.CaptureFixture[str]):
        assert "set LEADSRALLY_ENV=production" in self._said(capsys)

    def test_without_a_database(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        monkeypatch.setenv("LEADSRALLY_ENV", "production")
        assert self._said(capsys) == "leadsrally: DATABASE_URL is not set.\n"

    @pytest.mark.parametrize("name", ["TWILIO_BASE_URL", "META_BASE_URL", "RESEND_BASE_URL"])
    def test_with_a_simulated_provider(
        self, name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("LEADSRALLY_ENV", "production")
        monkeypatch.setenv(name, "http://127.0.0.1:1")
        assert f"{name} is for simulators" in self._said(capsys)

    def test_with_an_app_in_clear_text(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("LEADSRALLY_ENV", "production")
        monkeypatch.setenv("LEADSRALLY_APP_URL", "http://app.example.test")
        assert "must begin with https://" in self._said(capsys)

    @pytest.mark.parametrize("hosts", [None, "railway"])
    def test_O11_with_files_where_nobody_is_told_they_lie(
        self, hosts: str | None, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("LEADSRALLY_ENV", "production")
        monkeypatch.setenv("LEADSRALLY_BUCKET", "files")
        if hosts is not None:
            monkeypatch.setenv("LEADSRALLY_HOSTED_BY", hosts)
        assert "add aws to LEADSRALLY_HOSTED_BY" in self._said(capsys)
        monkeypatch.setenv("LEADSRALLY_HOSTED_BY", "railway,aws")
        assert self._said(capsys) == "leadsrally: DATABASE_URL is not set.\n"

    def test_with_an_unverified_database(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("LEADSRALLY_ENV", "production")
        monkeypatch.setenv("DATABASE_URL", "postgresql://u@db.example.test/leadsrally?sslmode=require")
        assert "sslmode=verify-ca" in self._said(capsys)

    def test_with_a_missing_secret(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        monkeypatch.setenv("LEADSRALLY_ENV", "production")
        monkeypatch.setenv("DATABASE_URL", PINNED)
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", KEY)
        monkeypatch.setenv("LEADSRALLY_APP_URL", "https://app.example.test")
        monkeypatch.delenv("LEADSRALLY_HASH_KEY", raising=False)
        assert "LEADSRALLY_HASH_KEY is not set" in self._said(capsys)

    def test_without_a_place_for_files(
        self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ):
        monkeypatch.setenv("LEADSRALLY_ROLE_KEY", KEY)
        for name, value in {**SETTINGS, "LEADSRALLY_ENV": "production", "DATABASE_URL": PINNED}.items():
            monkeypatch.setenv(name, value)
        for name in ("LEADSRALLY_BUCKET", "LEADSRALLY_STORAGE_DIR"):
            monkeypatch.delenv(name, raising=False)
        assert "LEADSRALLY_STORAGE_DIR is not set: folder of files" in self._said(capsys)


class TestDatabaseAddress:
    @pytest.mark.parametrize(
        "mode", ["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require", "?sslmode=verify-ca"]
    )
    def test_O7_anything_less_than_verified_is_refused(self, mode: str):
        with pytest.raises(Misconfigured):
            refuse_unpinned(f"postgresql://u@db.example.test/leadsrally{mode}")

    @pytest.mark.parametrize("address", [PINNED, "postgresql://u@db.example.test/l?sslmode=verify-full"])
    def test_O7_verified_is_accepted(self, address: str):
        refuse_unpinned(address)


class TestRoles:
    def test_each_role_has_a_password_of_its_own(self):
        assert password_of("leadsrally_api", b"k" * 32) != password_of("leadsrally_tick", b"k" * 32)
        assert password_of("leadsrally_api", b"k" * 32) != password_of("leadsrally_api", b"j" * 32)

    def test_an_address_keeps_everything_but_user_and_password(self):
        address = role_url(PINNED, b"k" * 32)("leadsrally_api")
        assert "user=leadsrally_api" in address
        assert "sslmode=verify-ca" in address
        assert "dbname=leadsrally" in address


class TestSettings:
    def test_unset_means_production(self):
        assert Settings({}).production
        assert not Settings({"LEADSRALLY_ENV": "development"}).production

    def test_a_function_cannot_read_what_it_was_not_given(self):
        settings = Settings({"ANTHROPIC_API_KEY": "x"}, allowed=frozenset({"DATABASE_URL"}))
        with pytest.raises(Misconfigured):
            settings.optional("ANTHROPIC_API_KEY")

    def test_values_never_show(self):
        assert "hunter2" not in repr(Settings({"DATABASE_URL": "postgresql://u:hunter2@db/x"}))

    @pytest.mark.parametrize("value", ["", "short", base64.b64encode(b"x" * 31).decode(), "not base64!" * 9])
    def test_a_key_that_is_none(self, value: str):
        with pytest.raises(Misconfigured):
            Settings({"LEADSRALLY_HASH_KEY": value}).key("LEADSRALLY_HASH_KEY")
