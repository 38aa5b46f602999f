"""Numbers as spreadsheets leave them: read, repaired where it is clear how, or refused by the name of the damage."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadsrally.contacts.imports.numbers import Seen, read_number
from leadsrally.contacts.imports.problems import SENTENCES
from leadsrally.kit.phone import Number, e164, is_canonical


@pytest.mark.parametrize(
    ("cell", "country", "number", "remark"),
    [
        ("+1 415 867 5310", "US", "+14158675310", None),
        (" (415) 867-5310 ", "US", "+14158675310", None),
        ("+44 (0)20 7946 0958", "US", "+442079460958", None),
        ("011 44 20 7946 0958", "US", "+442079460958", None),
        # What Excel does to numbers.
        ("1.2E+10", "US", None, "phone_rounded"),
        ("1,41587E+10", "US", None, "phone_rounded"),
        ("4,91512E+12", "DE", None, "phone_rounded"),
        ("14158675310.0", "US", "+14158675310", "decimals_dropped"),
        ("4915112345678", "US", "+4915112345678", "plus_restored"),
        ("0612345678", "IT", "+390612345678", None),
        ("612345678", "IT", "+390612345678", "zero_restored"),
        # Habits of people.
        ("0014158675310", "US", "+14158675310", "double_zero_read"),
        ("(00) 44 20 7946 0958", "US", "+442079460958", "double_zero_read"),
        ("0044 (0) 20 7946 0958", "US", "+442079460958", "double_zero_read"),
        ("+34 (0)612345678", "US", "+34612345678", "trunk_zero_dropped"),
        ("415 867 5310 x12", "US", "+14158675310", "extension_dropped"),
        ("415.867.5310 ext. 4", "US", "+14158675310", "extension_dropped"),
        ("4158675310;ext=5", "US", "+14158675310", "extension_dropped"),
        ("1-800-FLOWERS", "US", "+18003569377", "letters_read"),
        # As they were written before 2016 in Brazil and 2019 in Mexico, and as WhatsApp writes Argentina.
        ("+55 11 98765-4321", "US", "+5511987654321", None),
        ("+55 11 8765-4321", "US", "+5511987654321", "older_form_read"),
        ("0055 11 8765 4321", "US", "+5511987654321", "double_zero_read"),
        ("(11) 8765-4321", "BR", "+5511987654321", "older_form_read"),
        ("011 8765-4321", "BR", "+5511987654321", "older_form_read"),
        ("5511 8765 4321", "US", "+5511987654321", "plus_restored"),
        ("8765-4321", "BR", None, "phone_invalid"),
        ("(11) 8765-4321", "DE", None, "phone_invalid"),
        ("(11) 8765-4321 ramal 5", "BR", None, "phone_letters"),
        ("+54 9 11 2345-6789", "US", "+5491123456789", None),
        ("+54 11 2345-6789", "US", "+541123456789", None),
        ("(11) 15-2345-6789", "AR", "+5491123456789", None),
        # Nothing to be done.
        ("", "US", None, "phone_missing"),
        ("   ", "US", None, "phone_missing"),
        ("n/a", "US", None, "phone_no_digits"),
        ("12", "US", None, "phone_too_short"),
        ("415 867 5310 / 415 867 5311", "US", None, "phone_too_long"),
        ("abc1234567", "US", None, "phone_letters"),
        ("1234567890", "US", None, "phone_invalid"),
        ("4158675310", None, None, "phone_no_country"),
        ("9" * 400, "US", None, "phone_too_long"),
    ],
)
def test_each_damage_has_its_name(
    cell: str, country: str | None, number: str | None, remark: str | None
) -> None:
    found = read_number(cell, country)
    assert (found.number, found.remark) == (number, remark)
    assert remark is None or remark in SENTENCES


@given(st.text(max_size=40), st.sampled_from(["US", "DE", "BR", "IT", None]))
@settings(max_examples=400, deadline=None)
def test_it_never_raises_and_gives_a_number_or_a_reason(cell: str, country: str | None) -> None:
    number, remark = read_number(cell, country)
    if number is None:
        assert remark is not None
        assert remark.startswith("phone_")
    else:
        assert is_canonical(number)


@given(st.text(max_size=30), st.sampled_from(["US", "DE", "BR"]))
@settings(max_examples=300, deadline=None)
def test_what_is_a_number_as_it_stands_is_never_read_otherwise(cell: str, country: str) -> None:
    plainly = e164(cell.strip(), country)
    if plainly is not None:
        assert read_number(cell, country).number == plainly


@given(st.lists(st.integers(10**6, 10**15 - 1), max_size=300))
def test_whoever_was_seen_is_known_exactly(values: list[int]) -> None:
    seen, known = Seen(len(values)), set[int]()
    for value in values:
        assert seen.add(Number(f"+{value}")) == (value not in known)
        known.add(value)
