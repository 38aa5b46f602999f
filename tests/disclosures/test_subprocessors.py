"""O11: nobody is called who stands in no list. What the code can reach is compared with what the page says."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from leadsrally.disclosures.store import Subprocessor
from leadsrally.disclosures.subprocessors import HOSTS, MECHANISM, SUBPROCESSORS, Listed, hosts_of, listed

PROJECT = Path(__file__).resolve().parents[2]
_DOMAIN = re.compile(r"\b((?:[a-z0-9-]+\\?\.)+(?:com|net|io|app|org|dev|me|ai|cloud|eu))\b")
# Named as the source of a rule, or shown as an example; no code calls them.
CITED = {
    "leadsrally.ai",  # a room of ours
    "dropcowboy.com",
    "support.referrizer.com",
    "usestello.com",
    "fb.me",
}
# Whose address stands in somebody else's code.
SDKS = {"anthropic": "anthropic", "boto3": "aws", "botocore": "aws", "resend": "resend", "sentry_sdk": "sentry",
        "twilio": "twilio"}  # fmt: skip
# What calls nobody of its own accord.
HOUSEHOLD = {"aws_lambda_powertools", "cryptography", "httpx", "httpx2", "pydantic", "requests", "urllib3"}


def texts(source: str) -> Iterator[str]:
    """Every text in a program but what it says about itself."""
    tree = ast.parse(source)
    said = {
        id(line.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        for line in node.body
        if isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in said:
            yield node.value


def unlisted_domains(source: str) -> set[str]:
    """Domains in a program that belong to nobody on the list."""
    named = {found.replace("\\", "") for text in texts(source) for found in _DOMAIN.findall(text)}
    known = [domain for entry in SUBPROCESSORS.values() for domain in entry.domains]
    return {
        name
        for name in named - CITED
        if not any(name == domain or name.endswith(f".{domain}") for domain in known)
        and not re.search(r"(^|\.)(40)?example(\.(com|net|org))?$", name)
    }


def unlisted_sdks(source: str) -> set[str]:
    """Libraries that a provider's room imports and that nobody has placed."""
    roots: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            roots |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            roots.add(node.module.partition(".")[0])
    return roots - set(sys.stdlib_module_names) - {"leadsrally"} - SDKS.keys() - HOUSEHOLD


class TestEgress:
    def test_O11_every_address_in_the_code_is_somebodys_on_the_list(self):
        found = {
            f"{path.relative_to(PROJECT)}: {domain}"
            for root in ("shared/leadsrally", "functions")
            for path in (PROJECT / root).rglob("*.py")
            if path.name != "subprocessors.py"
            for domain in unlisted_domains(path.read_text("utf-8"))
        }
        assert found == set(), "list who is called in disclosures/subprocessors.py, and announce it"

    def test_O11_every_library_that_calls_somebody_is_placed(self):
        found = {
            f"{path.relative_to(PROJECT)}: {name}"
            for path in (PROJECT / "shared/leadsrally/providers").rglob("*.py")
            for name in unlisted_sdks(path.read_text("utf-8"))
        }
        assert found == set()
        assert set(SDKS.values()) <= set(get_args(Subprocessor))

    @pytest.mark.parametrize(
        "source",
        [
            'URL = "https://api.openai.com/v1"',
            'HOST = "telemetry.newhost.io"',
            r'PATTERN = r"media\.newhost\.net"',
            'def call():\n    return f"https://eu.newhost.com/{1}"',
        ],
    )
    def test_O11_a_new_address_is_noticed(self, source: str):
        assert unlisted_domains(source) != set()

    def test_O11_a_new_library_is_noticed(self):
        assert unlisted_sdks("import openai\nfrom stripe.api import Charge") == {"openai", "stripe"}

    def test_an_address_of_somebody_listed_is_taken(self):
        assert unlisted_domains('URL = "https://graph.facebook.com/v25.0"') == set()
        assert unlisted_domains('URL = "https://notfacebook.com"') == {"notfacebook.com"}

    def test_each_provider_of_ours_has_its_entry(self):
        rooms = {path.name for path in (PROJECT / "shared/leadsrally/providers").iterdir() if path.is_dir()}
        places = {"storage": "aws", "keys": "aws"}
        told = {places.get(room, room) for room in rooms if not room.startswith("__")}
        assert told <= SUBPROCESSORS.keys()


class TestList:
    def test_everybody_who_can_be_told_is_listed(self):
        assert set(SUBPROCESSORS) == set(get_args(Subprocessor))

    @pytest.mark.parametrize("entry", SUBPROCESSORS.values(), ids=lambda entry: entry.key)
    def test_P5_2_an_entry_says_what_binds_them(self, entry: Listed):
        assert entry.mechanism in MECHANISM
        assert entry.document
        assert entry.link.startswith("https://")
        assert entry.name
        assert entry.country
        assert entry.purpose
        assert entry.data

    @pytest.mark.parametrize(
        ("setting", "hosts"),
        [
            (None, ("railway",)),
            ("railway", ("railway",)),
            ("aws, Railway", ("railway", "aws")),
            ("aws", ("aws",)),
            ("elsewhere", ()),
        ],
    )
    def test_who_hosts_is_a_setting(self, setting: str | None, hosts: tuple[str, ...]):
        assert hosts_of(setting) == hosts
        shown = {entry.key for entry in listed(hosts_of(setting))}
        assert shown & set(HOSTS) == set(hosts)
        assert shown - set(HOSTS) == set(get_args(Subprocessor)) - set(HOSTS)
