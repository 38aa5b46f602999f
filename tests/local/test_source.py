"""A8: whose connection a request came over, as the one-process host tells its functions."""

from typing import Any

import pytest

from infra.local.host import source_of

LIES = [
    (b"x-forwarded-for", b"198.51.100.1"),
    (b"x-real-ip", b"198.51.100.2"),
    (b"forwarded", b"for=198.51.100.3"),
]


def scope(
    *headers: tuple[bytes, bytes], client: tuple[str, int] | None = ("203.0.113.7", 4711)
) -> dict[str, Any]:
    return {"client": client, "headers": list(headers)}


def test_A8_it_is_the_connections_own():
    assert source_of(scope(*LIES), None) == "203.0.113.7"
    assert source_of(scope(client=None), None) == ""


@pytest.mark.parametrize(
    ("told", "source"),
    [
        ([b"203.0.113.9"], "203.0.113.9"),
        ([b" 2001:db8::1 "], "2001:db8::1"),
        ([b"198.51.100.1", b"203.0.113.9"], "203.0.113.9"),  # the proxy's is the last
        ([b"198.51.100.1, 203.0.113.9"], ""),
        ([b"localhost"], ""),
        ([b"\xff"], ""),
        ([], ""),
    ],
)
def test_A8_or_what_the_proxy_says_where_the_operator_names_its_header(told: list[bytes], source: str):
    headers = [(b"x-forwarded-for", b"198.51.100.1"), *((b"x-real-ip", value) for value in told)]
    assert source_of(scope(*headers), "X-Real-IP") == source
