"""Fields of a customer's own: one verb says what fits, for pages, files and lead forms alike."""

import json
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.contacts.fields import Field, cell_of, check_values, shown_values

TYPES = ("text", "number", "date", "boolean", "choice")
FIELDS = {
    name: Field(UUID(int=place), name, name, name, ("Red", "Sky blue"), 1, datetime(2026, 1, 1, tzinfo=UTC))
    for place, name in enumerate(TYPES, 1)
}


def read(key: str, raw: object) -> object:
    """The value, or the word of the complaint."""
    checked = check_values(FIELDS, {key: raw})
    if checked.complaints:
        assert not checked.values
        return checked.complaints[0].reason
    return checked.values[FIELDS[key].slot]


class TestCheck:
    @pytest.mark.parametrize(
        ("key", "raw", "value"),
        [
            ("text", "  Berlin \n", "Berlin"),
            ("text", 7, "7"),
            ("text", "a\r\nb\rc\nd", "a\nb\nc\nd"),
            ("text", "x" * 1000, "x" * 1000),
            ("text", "x" * 1001, "too_long"),
            ("text", "a\x00b\ud800", "a\ufffdb\ufffd"),
            ("text", ["a"], "not_a_text"),
            ("text", True, "not_a_text"),
            ("text", "", None),
            ("text", " \t", None),
            ("text", None, None),
            ("number", "12", 12),
            ("number", " -1.50 ", -1.5),
            ("number", 3.0, 3),
            ("number", "1,234", "not_a_number"),
            ("number", "1e3", "not_a_number"),
            ("number", "999999999999999", 999999999999999),
            ("number", "1000000000000000", "not_a_number"),
            ("number", float("nan"), "not_a_number"),
            ("number", float("inf"), "not_a_number"),
            ("number", 10**400, "not_a_number"),
            ("number", 0.000001, 0.000001),
            ("number", 0.1 + 0.2, "not_a_number"),
            ("number", True, "not_a_number"),
            ("number", "٣", "not_a_number"),
            ("number", ".", "not_a_number"),
            ("date", "2024-02-29", "2024-02-29"),
            ("date", "2023-02-29", "not_a_date"),
            ("date", "20240229", "not_a_date"),
            ("date", "29.02.2024", "not_a_date"),
            ("date", 20240229, "not_a_date"),
            ("boolean", "Yes", True),
            ("boolean", "0", False),
            ("boolean", False, False),
            ("boolean", 1, True),
            ("boolean", "perhaps", "not_a_boolean"),
            ("choice", "sky BLUE", "Sky blue"),
            ("choice", "green", "no_choice"),
            ("choice", 1, "no_choice"),
        ],
        ids=lambda value: repr(value)[:24],
    )
    def test_a_value_is_read_as_its_field_wants_it(self, key: str, raw: object, value: object):
        assert read(key, raw) == value
        assert type(read(key, raw)) is type(value)

    def test_a_field_that_is_not_there_is_complained_about_and_the_others_stand(self):
        checked = check_values(FIELDS, {"nope": "1", "text": "Berlin"})
        assert checked.values == {FIELDS["text"].slot: "Berlin"}
        assert [(one.key, one.reason) for one in checked.complaints] == [("nope", "unknown_field")]
        assert checked.complaints[0].sentence == "There is no such field."

    @given(
        st.sampled_from(TYPES),
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text())),
    )
    def test_nothing_raises_and_what_is_taken_is_taken_again(self, key: str, raw: object):
        checked = check_values(FIELDS, {key: raw})
        assert len(checked.values) + len(checked.complaints) == 1
        for value in checked.values.values():
            stored = json.loads(json.dumps(value))
            assert check_values(FIELDS, {key: stored}).values == checked.values
            assert value is None or check_values(FIELDS, {key: cell_of(stored)}).values == checked.values


class TestShow:
    def test_values_come_back_by_key_and_leftovers_stay_away(self):
        checked = check_values(FIELDS, {"choice": "red", "text": "Berlin"})
        stored = {name: value for name, value in checked.values.items() if value is not None}
        assert shown_values(FIELDS, {**stored, "00000000ffff": "old"}) == {"text": "Berlin", "choice": "Red"}
        assert list(shown_values(FIELDS, stored)) == ["text", "choice"]
