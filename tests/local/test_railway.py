"""What Railway is given: an image that starts all of it, and a project that names all it needs (P4.6)."""

import re

import pytest

from infra.local.functions import PROJECT, load
from infra.local.pinned import ROOT
from leadsrally.kit.db import refuse_unpinned
from leadsrally.kit.settings import SETTINGS

RAILWAY = PROJECT / "infra" / "railway"


@pytest.fixture
def project() -> str:
    return (RAILWAY / "railway.ts").read_text(encoding="utf-8")


@pytest.fixture
def image() -> str:
    return (RAILWAY / "Dockerfile").read_text(encoding="utf-8")


def test_it_names_every_setting_without_which_no_start_succeeds(project: str):
    needed = {setting.name for setting in SETTINGS if setting.required} | {ROOT, "LEADSRALLY_ROLE_KEY"}
    assert {name for name in needed if name not in project} == set()


def test_it_names_no_setting_that_there_is_not(project: str):
    known = {setting.name for setting in SETTINGS} | {
        ROOT,
        "LEADSRALLY_ROLE_KEY",
        "LEADSRALLY_ADDRESS_HEADER",
    }
    assert set(re.findall(r"LEADSRALLY_[A-Z_]+", project)) <= known


def test_no_secret_stands_in_it(project: str):
    for setting in SETTINGS:
        if setting.secret and setting.name != "DATABASE_URL":
            assert not re.search(rf"{setting.name}: *['\"`]", project)


def test_its_address_asks_for_a_pinned_root(project: str):
    found = re.search(r"DATABASE_URL: '(postgresql:[^']+)'", project)
    assert found is not None
    assert "@" not in found[1]  # nobody's password
    address = found[1].replace("${{postgres.PGHOST}}", "postgres.railway.internal")
    refuse_unpinned(f"{address}&sslrootcert=/tmp/root.crt")


def test_its_health_check_is_answered(project: str):
    found = re.search(r"healthcheck: '([^']+)'", project)
    assert found is not None
    assert ("GET", found[1]) in {route for function in load() for route in function.routes}


def test_the_file_that_is_switched_off_is_not_there():
    for name in ("railway.json", "railway.toml"):
        assert list(PROJECT.glob(name)) + list(RAILWAY.glob(name)) == []


def test_the_image_copies_what_there_is(image: str):
    named = [words.split()[1:-1] for words in re.findall(r"^COPY (?!--from).*$", image, re.MULTILINE)]
    assert [path for paths in named for path in paths if not (PROJECT / path).exists()] == []


def test_the_image_migrates_and_serves_in_one_command(image: str):
    command = next(line for line in image.splitlines() if line.startswith("CMD"))
    assert "command migrate && exec" in command  # the server gets the signals
    assert command.endswith('command serve"]')
