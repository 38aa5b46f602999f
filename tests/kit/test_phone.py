"""Phone numbers: what is taken as one, in which form, and what a provider's address may be."""

import subprocess
import sys

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from leadsrally.kit import phone
from leadsrally.kit.phone import MAX_ADDRESS, e164, from_provider, is_canonical, one_form, variants


@pytest.mark.parametrize(
    ("raw", "region", "expected"),
    [
        ("+1 415 867 5310", None, "+14158675310"),
        ("(415) 867-5310", "US", "+14158675310"),
        ("415.867.5310 ext. 12", "us", "+14158675310"),
        ("1-415-867-5310", "CA", "+14158675310"),
        ("\uff0b\uff14\uff19 30 901820", None, "+4930901820"),  # full width
        ("030 901820", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("+52 55 1234 5678", None, "+525512345678"),
        ("tel:+44-20-7031-3000", None, "+442070313000"),
        ("4158675310", None, None),  # no country
        ("+1 415 867 531", None, None),  # too short
        ("+1 199 867 5310", None, None),  # no such area code
        ("+999 1234567", None, None),
        ("24273", "US", None),  # a short code is an address, not a number
        ("ACME", "US", None),
        ("", "US", None),
        ("+", None, None),
        ("4158675310", "XX", None),
        ("9" * 10_000, "US", None),
        ("\x00", "US", None),
        ("\ud800", "US", None),
    ],
)
def test_a_number_as_written_becomes_canonical_or_nothing(
    raw: str, region: str | None, expected: str | None
) -> None:
    assert e164(raw, region) == expected


@given(st.text(max_size=40), st.sampled_from([None, "US", "DE", "BR", "", "zz"]))
@settings(max_examples=300, deadline=None)
def test_it_never_raises_and_what_it_gives_is_stable(raw: str, region: str | None) -> None:
    number = e164(raw, region)
    if number is not None:
        assert is_canonical(number)
        assert e164(number, None) == number


# Numbers as files hold them: whole and broken, with and without a country, of the plans that write them oddly.
_DIGITS = st.text("0123456789", min_size=6, max_size=12)
_WRITTEN = st.one_of(
    st.builds("({}) {}-{}".format, *(st.text("0123456789", min_size=n, max_size=n) for n in (3, 3, 4))),
    st.builds("+1 {}{}{}".format, *(st.text("0123456789", min_size=n, max_size=n) for n in (3, 3, 4))),
    st.builds("{}{}{}".format, st.sampled_from(["", "0", "00", "1", "(0)", "+"]), _DIGITS, st.just("")),
    st.builds(
        "+{}{}{}".format,
        st.sampled_from(["44", "49", "33", "55", "52", "54", "39", "351", "91", "61", "86", "7"]),
        _DIGITS,
        st.sampled_from(["", "", " x12", " ext. 4", ";ext=7", "/1"]),
    ),
    st.text("0123456789 ().-+/xX;=#*ABCabc", max_size=24),
)


class TestOneAnswer:
    """However the answer is found, it is the one of `phonenumbers`."""

    @given(
        _WRITTEN, st.sampled_from([None, "US", "CA", "DE", "IT", "BR", "MX", "AR", "GB", "ES", "us", "zz"])
    )
    @example("1-800-FLOWERS", "US")
    @example("+44 (0)20 7946 0958", None)
    @settings(max_examples=1500, deadline=None)
    def test_every_way_to_it_agrees(self, raw: str, region: str | None) -> None:
        reference = phone._parsed(phonenumbers, raw, region)
        assert phone._north_american(raw, region) in (None, reference)
        assert e164(raw, region) == reference
        rust = pytest.importorskip("rphonenumbers")
        assert phone._parsed(rust, raw, region) == reference

    def test_every_area_code_of_north_america(self) -> None:
        """With exchanges spread over each: which of them exist, the short cut must know as well."""
        for area in range(200, 1000):
            for exchange in range(200 + area % 37, 1000, 113):
                raw = f"({area}) {exchange}-{area:04d}"
                assert phone._north_american(raw, "US") == phone._parsed(phonenumbers, raw, "US"), raw

    def test_without_the_rust_it_is_the_same(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(phone, "_rust", lambda: None)
        assert e164("(415) 867-5310", "US") == "+14158675310"
        assert e164("030 901820", "DE") == "+4930901820"
        assert e164("+1 199 867 5310", None) is None


@given(st.from_regex(r"\+1[2-9][0-9]{2}[2-9][0-9]{6}", fullmatch=True))
@settings(max_examples=400, deadline=None)
def test_a_clean_north_american_number_is_taken_exactly_when_the_plan_knows_it(raw: str) -> None:
    valid = phonenumbers.is_valid_number(phonenumbers.parse(raw))
    assert e164(raw, None) == (raw if valid else None)


def test_shape_alone_would_take_numbers_that_do_not_exist() -> None:
    """Why there is no short cut: two area codes in five are not assigned, and only the metadata knows which."""
    codes = [f"+1{area}5550123" for area in range(200, 1000)]
    assert sum(e164(code, None) is None for code in codes) / len(codes) > 0.35


@pytest.mark.parametrize(
    ("raw", "kept"),
    [
        ("+14158675310", "+14158675310"),
        (" 24273\n", "24273"),
        ("ACME Corp", "ACME Corp"),
        ("", ""),
        ("x" * 99, "x" * MAX_ADDRESS),
    ],
)
def test_a_providers_address_is_kept_as_given(raw: str, kept: str) -> None:
    assert from_provider(raw) == kept


@pytest.mark.parametrize(
    "address", ["14158675310", "+0123456789", "+123456", "+1234567890123456", "+1 415", "+1٣158675310", ""]
)
def test_what_is_no_canonical_number(address: str) -> None:
    assert not is_canonical(address)


def test_a_webhook_does_not_pay_for_the_metadata() -> None:
    code = (
        "import sys, leadsrally.kit.phone as phone, leadsrally.providers.twilio.inbound;"
        "phone.from_provider('+14158675310'); phone.is_canonical('+14158675310');"
        "loaded = {'phonenumbers', 'twilio.rest', 'requests'} & sys.modules.keys(); sys.exit(str(loaded) if loaded else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


class TestVariants:
    """One number that is written in two ways: found by both, and kept as it was given."""

    @pytest.mark.parametrize(
        ("given", "other", "one"),
        [
            ("+5511987654321", "+551187654321", "+5511987654321"),  # Brazil, with and without the ninth digit
            ("+551187654321", "+5511987654321", "+5511987654321"),
            ("+555161234567", "+5551961234567", "+5551961234567"),
            ("+5491123456789", "+541123456789", "+5491123456789"),  # Argentina
            ("+542644472542", "+5492644472542", "+5492644472542"),
            ("+5215512345678", "+525512345678", "+525512345678"),  # Mexico
            ("+525512345678", "+5215512345678", "+525512345678"),
        ],
    )
    def test_two_ways(self, given: str, other: str, one: str) -> None:
        assert variants(given) == (given, other)
        assert one_form(given) == one_form(other) == one

    @pytest.mark.parametrize(
        "address",
        [
            "+551133334444",  # a land line in Brazil never had a ninth digit
            "+12025550101",
            "+4915112345678",
            "+55119876543210",
            "24273",
            "US.13491208655302741918",
            "",
            "5511987654321",
        ],
    )
    def test_everything_else_is_written_in_one(self, address: str) -> None:
        assert variants(address) == (address,)
        assert one_form(address) == address

    @given(st.from_regex(r"\+5[245][0-9]{8,13}", fullmatch=True))
    def test_the_other_way_leads_back(self, address: str) -> None:
        for other in variants(address):
            assert set(variants(other)) == set(variants(address))
            assert one_form(other) == one_form(address) in variants(address)
