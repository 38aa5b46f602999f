"""Gaps that are filled, and everything that looks like one and is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.errors import Invalid
from leadsrally.messaging.merge import fill, names_in

KNOWN = {"first_name": "Ada", "name": "Ada Lovelace", "city": "", "size": "58"}


class TestFill:
    @pytest.mark.parametrize(
        ("text", "filled"),
        [
            ("Hi {{first_name}}, size {{size}}.", "Hi Ada, size 58."),
            ("Hi {{ first_name }}!", "Hi Ada!"),
            ("Hi {{first_name|there}}", "Hi Ada"),
            ("From {{city|your town}}", "From your town"),
            ("From {{city| your town }}", "From your town"),
            ("{{name}}{{name}}", "Ada LovelaceAda Lovelace"),
            ("no gaps at all", "no gaps at all"),
            ("{one} } {", "{one} } {"),
        ],
    )
    def test_it_reads(self, text: str, filled: str):
        assert fill(text, KNOWN) == filled

    @pytest.mark.parametrize("text", ["Hi {{city}},", "Hi {{city|}},", "Hi {{city|   }},"])
    def test_never_Hi_comma(self, text: str):
        with pytest.raises(Invalid) as refused:
            fill(text, KNOWN)
        assert refused.value.code == "merge_field_missing"
        assert "{{city|there}}" in refused.value.sentence

    def test_a_value_is_one_line_and_nothing_around_it(self):
        assert fill("Hi {{name}}!", {"name": "  Ada \n\n Lovelace\t"}) == "Hi Ada Lovelace!"
        with pytest.raises(Invalid):
            fill("Hi {{name}}!", {"name": " \n "})


class TestI10:
    """Template injection: literal or refused, and nothing is ever looked up but a name that was handed in."""

    @pytest.mark.parametrize(
        "text",
        [
            "{{first_name.__class__}}",
            "{{ first_name.__class__.__mro__[1].__subclasses__() }}",
            "{{7*7}}",
            "{{config}}",
            "{{_private}}",
            "{{First_Name}}",
            "{{first_name|upper|lower}}",
            "{{first_name|{{name}}}}",
            "{{first name}}",
            "{{}}",
            "{{first_name",
            "first_name}}",
            "{{first_name|a\nb}}",
            "{{" + "a" * 65 + "}}",
            "{{first_name|" + "x" * 201 + "}}{{city|" + "x" * 201 + "}}",
            "{{\N{FULLWIDTH LATIN SMALL LETTER A}}}",
        ],
    )
    def test_I10_refused(self, text: str):
        with pytest.raises(Invalid) as refused:
            fill(text, KNOWN)
        assert "__class__" not in refused.value.sentence

    @pytest.mark.parametrize(
        "text", ["{0.__class__}", "%(name)s", "${name}", "<%= name %>", "{% if name %}", "#{name}"]
    )
    def test_I10_another_languages_gap_is_text(self, text: str):
        assert fill(text, KNOWN) == text

    @pytest.mark.parametrize(
        "value", ["{{name}}", "{{first_name|x}}", "{0.__class__}", "{{", "}}", "\\1", "\\g<0>", "%s"]
    )
    def test_I10_a_value_is_never_read_as_a_text_with_gaps(self, value: str):
        """What a contact calls themselves is what is written, and nothing more."""
        assert fill("Hi {{name}}!", {"name": value}) == f"Hi {value}!"

    @given(st.text(max_size=80), st.text(max_size=30))
    def test_I10_filled_or_refused_whatever_is_written(self, text: str, value: str):
        try:
            filled = fill(text, {"first_name": value})
        except Invalid:
            return
        assert "{{" not in filled.replace(" ".join(value.split()), "") or "{{" in value

    @given(st.text("{}|a_ .\n", max_size=30))
    def test_I10_every_shape_of_braces(self, text: str):
        try:
            names = names_in(text)
        except Invalid:
            return
        assert all(name.isidentifier() for name in names)
        filled = fill(text, dict.fromkeys(names, "x"))
        assert filled == text if not names else filled != text
