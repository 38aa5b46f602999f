"""The root certificate that the database's has to be signed by, and a start that proves that it is (P4.6, P8.3).

A host without files of ours, as Railway is, hands the certificate over in a setting.
"""

import atexit
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path

import psycopg
from cryptography import x509
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from leadsrally.kit.errors import Misconfigured, Unavailable

ROOT = "LEADSRALLY_DATABASE_ROOT"
_WRONG = (
    "The database did not prove that its certificate is signed by the pinned root certificate, so nothing was sent to"
    " it. If the server made itself a new root, read that on the server itself and pin it; else somebody stands between."
)
# libpq says these in English only where messages are not translated, which psycopg's binary never does.
_SAID = (
    (
        "does not support SSL",
        "The database does not speak TLS, so nothing was sent to it. Switch it on at the server (`ssl = on`).",
        "database_in_clear",
    ),
    (
        "server certificate for",
        "The database's certificate is for another name: use sslmode=verify-ca with the server's own root certificate.",
        "database_not_verified",
    ),
    (
        "root certificate file",
        f"The root certificate of the database cannot be read: put its text into {ROOT}, or its path into sslrootcert.",
        "no_root_certificate",
    ),
    # "certificate verify failed" for a root of another name; for one of the same name each version has words of its own.
    ("SSL error", _WRONG, "database_not_verified"),
    (
        "password authentication failed",
        "The database does not know this role's password: run `leadsrally provision` with the same LEADSRALLY_ROLE_KEY.",
        "not_provisioned",
    ),
)


def pinned(url: str, environment: Mapping[str, str]) -> str:
    """`url`, with the certificate of `LEADSRALLY_DATABASE_ROOT` pinned where the address itself names none.

    An address that asks for less than verification keeps what it asks for, so that a start refuses it. Raises
    `Misconfigured` when the setting holds no certificate.
    """
    text = environment.get(ROOT)
    options = conninfo_to_dict(url)
    if not text or options.get("sslrootcert"):
        return url
    return make_conninfo(**{"sslmode": "verify-ca", **options, "sslrootcert": str(_file(text))})


def prove_pinned(url: str) -> None:
    """Connect once, so that a start says in one sentence what is wrong with the way to the database.

    Raises `Misconfigured` for a server that is not the pinned one, speaks no TLS or does not know us, `Unavailable` when
    none answers.
    """
    try:
        psycopg.connect(url, connect_timeout=10).close()
    except psycopg.OperationalError as refused:
        for words, sentence, code in _SAID:
            if words in str(refused):
                raise Misconfigured(sentence, code=code) from None
        raise Unavailable(
            "The database does not answer at the host and port of DATABASE_URL.", code="database"
        ) from None


@cache
def _file(text: str) -> Path:
    """The certificate as a file, which libpq and pg_dump ask for; gone with this process."""
    pem = text.replace("\\n", "\n").strip().encode() + b"\n"  # a panel may keep a text on one line
    try:
        x509.load_pem_x509_certificates(pem)
    except ValueError:
        raise Misconfigured(
            f"{ROOT} holds no certificate: it is the text that begins with -----BEGIN CERTIFICATE-----.",
            code="bad_setting",
        ) from None
    handle, name = tempfile.mkstemp(prefix="leadsrally-root-", suffix=".crt")
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
    atexit.register(_remove, name)
    return Path(name)


def _remove(name: str) -> None:
    with suppress(OSError):
        Path(name).unlink()
