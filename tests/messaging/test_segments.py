"""How many parts a text has and what makes them more: tables, and properties against a counting of its own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.simulators.twilio.segments import segments as counted_by_the_simulator
from leadsrally.messaging.segments import Forcing, Parts, forcing, measure

EURO, BIKE = "\N{EURO SIGN}", "\N{BICYCLE}"
FAMILY = "\N{MAN}\N{ZERO WIDTH JOINER}\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}"


class TestMeasure:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("", Parts("GSM-7", 1, 0, 160)),
            ("a", Parts("GSM-7", 1, 1, 159)),
            ("a" * 160, Parts("GSM-7", 1, 160, 0)),
            ("a" * 161, Parts("GSM-7", 2, 161, 145)),
            ("a" * 306, Parts("GSM-7", 2, 306, 0)),
            ("a" * 307, Parts("GSM-7", 3, 307, 152)),
            # What is behind the escape takes two places, in one part.
            (EURO * 80, Parts("GSM-7", 1, 160, 0)),
            (EURO * 81, Parts("GSM-7", 2, 162, 143)),
            (
                "a" * 152 + EURO + "b" * 10,
                Parts("GSM-7", 2, 164, 141),
            ),  # the last place of the first part is lost
            ("a" * 152 + EURO * 77, Parts("GSM-7", 3, 306, 151)),  # 306 places, and still three parts
            ("\f^{}\\[~]|", Parts("GSM-7", 1, 18, 142)),
            ("Grüße à côté? ñ ß Å", Parts("UCS-2", 1, 19, 51)),  # ô is not of the alphabet
            ("Grüße à cété? ñ ß Å", Parts("GSM-7", 1, 19, 141)),
            ("\N{HIRAGANA LETTER A}" * 70, Parts("UCS-2", 1, 70, 0)),
            ("\N{HIRAGANA LETTER A}" * 71, Parts("UCS-2", 2, 71, 63)),
            (BIKE * 35, Parts("UCS-2", 1, 70, 0)),
            (BIKE * 36, Parts("UCS-2", 2, 72, 61)),  # 33 in the first part, 3 in the second
            ("a" * 66 + BIKE + "b" * 3, Parts("UCS-2", 2, 71, 62)),
            (EURO * 40 + BIKE, Parts("UCS-2", 1, 42, 28)),  # in UTF-16 the euro is one place
        ],
        ids=lambda value: value[:12] if isinstance(value, str) else "",
    )
    def test_the_boundaries(self, text: str, expected: Parts):
        assert measure(text) == expected

    @pytest.mark.parametrize(
        ("text", "places"),
        [
            (FAMILY, 8),  # five characters, three of them in two places
            ("\N{RIGHT-TO-LEFT OVERRIDE}abc", 4),
            ("e" + "\N{COMBINING ACUTE ACCENT}" * 1_000, 1_001),
            ("\N{CYRILLIC SMALL LETTER A}dam", 4),  # a homoglyph
            ("\N{LATIN SMALL LETTER E WITH ACUTE}", 1),
        ],
        ids=["a family", "right to left", "a thousand accents", "a homoglyph", "an accent of the alphabet"],
    )
    def test_I3_whatever_is_written_is_counted_by_what_goes_over_the_air(self, text: str, places: int):
        found = measure(text)
        assert found.places == places
        if found.encoding == "UCS-2":
            assert found.places == len(text.encode("utf-16-be")) // 2

    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=400))
    def test_I3_all_of_it_goes_into_so_many_parts_and_no_fewer(self, text: str):
        found = measure(text)
        alone, joined = (160, 153) if found.encoding == "GSM-7" else (70, 67)
        assert (found.parts == 1) == (found.places <= alone)
        room = alone if found.parts == 1 else joined
        assert 0 <= found.left < room + (found.places == 0)
        assert found.places + found.left <= found.parts * room
        assert (
            found.places > (found.parts - 1) * (room - 1) or found.parts == 1
        )  # one place lost in each at most
        assert (found.encoding == "UCS-2") == bool(list(forcing(text)))

    @given(st.text("aÅß\n@_£\N{HIRAGANA LETTER A}é", max_size=400))
    def test_it_agrees_with_a_plain_division_where_nothing_takes_two_places(self, text: str):
        assert measure(text).parts == counted_by_the_simulator(text)

    @given(st.text("ab" + EURO + BIKE, max_size=300), st.sampled_from(["x", EURO, BIKE]))
    def test_one_character_more_is_never_fewer_parts(self, text: str, more: str):
        before, after = measure(text), measure(text + more)
        assert after.parts >= before.parts or after.encoding != before.encoding


class TestForcing:
    def test_which_and_where_and_what_instead(self):
        found = list(
            forcing("\N{LEFT DOUBLE QUOTATION MARK}Hi\N{RIGHT DOUBLE QUOTATION MARK} \N{EM DASH} ok")
        )
        assert found == [
            Forcing(0, "\N{LEFT DOUBLE QUOTATION MARK}", '"'),
            Forcing(3, "\N{RIGHT DOUBLE QUOTATION MARK}", '"'),
            Forcing(5, "\N{EM DASH}", "-"),
        ]

    @pytest.mark.parametrize(
        ("character", "instead"),
        [
            ("\N{RIGHT SINGLE QUOTATION MARK}", "'"),
            ("\N{HORIZONTAL ELLIPSIS}", "..."),
            ("\N{NO-BREAK SPACE}", " "),
            ("\N{NARROW NO-BREAK SPACE}", " "),
            ("\N{ZERO WIDTH SPACE}", ""),
            ("\N{FULLWIDTH LATIN CAPITAL LETTER A}", "A"),
            ("\t", " "),
            ("\N{LATIN SMALL LETTER E WITH CIRCUMFLEX}", None),  # another letter is another name
            ("\N{CYRILLIC SMALL LETTER A}", None),
            (BIKE, None),
        ],
    )
    def test_only_what_says_the_same(self, character: str, instead: str | None):
        assert [found.instead for found in forcing(character)] == [instead]

    @given(st.text(max_size=60))
    def test_taking_every_suggestion_leaves_only_what_has_none(self, text: str):
        found = {one.position: one.instead for one in forcing(text)}
        taken = "".join(
            character if found.get(place) is None else str(found[place])
            for place, character in enumerate(text)
        )
        assert [one.instead for one in forcing(taken)] == [
            instead for instead in found.values() if instead is None
        ]
