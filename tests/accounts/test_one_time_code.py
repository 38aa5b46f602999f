"""Codes of an app: the vectors of RFC 6238, and which of them count."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.accounts import one_time_code
from leadsrally.accounts.one_time_code import code_at, matching_step, step_at

SECRET = b"12345678901234567890"
NOW = datetime(2026, 11, 24, 12, 0, 10, tzinfo=UTC)
HERE = step_at(NOW)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_vectors_of_RFC_6238_appendix_B(seconds: int, code: str):
    """It prints eight digits; six are the last six of them."""
    assert code_at(SECRET, step_at(datetime.fromtimestamp(seconds, UTC))) == code[2:]


@given(offset=st.integers(-120, 120))
def test_a_code_counts_in_its_step_and_the_ones_beside(offset: int):
    code = code_at(SECRET, HERE)
    later = NOW + timedelta(seconds=offset)
    expected = HERE if abs(step_at(later) - HERE) <= 1 else None
    assert matching_step(SECRET, code, later, after=0) == expected


def test_a_step_that_was_used_counts_no_more_nor_any_before_it():
    codes = {step: code_at(SECRET, step) for step in (HERE - 1, HERE, HERE + 1)}
    found = {step: matching_step(SECRET, code, NOW, after=HERE) for step, code in codes.items()}
    assert found == {HERE - 1: None, HERE: None, HERE + 1: HERE + 1}


@pytest.mark.parametrize("code", ["", "0", "000000", "abcdef", "１２３４５６", "\x00" * 6])
def test_what_is_no_code(code: str):
    assert matching_step(SECRET, code, NOW, after=0) is None


def test_what_an_app_is_told():
    told = urlsplit(one_time_code.address(SECRET, "ada+lamps@example.test"))
    assert (told.scheme, told.netloc, unquote(told.path)) == (
        "otpauth",
        "totp",
        "/LeadsRally:ada+lamps@example.test",
    )
    given_ = {name: values[0] for name, values in parse_qs(told.query).items()}
    assert given_.pop("secret") == one_time_code.spell(SECRET) == "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    assert given_ == {"issuer": "LeadsRally", "algorithm": "SHA1", "digits": "6", "period": "30"}


def test_secrets_are_of_160_bits_and_never_the_same():
    made = {one_time_code.new_secret() for _ in range(10)}
    assert len(made) == 10
    assert {len(secret) for secret in made} == {20}
