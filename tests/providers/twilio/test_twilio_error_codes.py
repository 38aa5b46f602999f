"""The table of error codes is complete, consistent and never without an answer."""

import pytest

from leadsrally.providers.twilio.error_codes import EFFECTS, _table, effect_of, explain

# All codes that the product has to know what to do about.
NEEDED = [
    "14107",
    "20003",
    "20404",
    "20429",
    "21211",
    "21212",
    "21408",
    "21602",
    "21603",
    "21604",
    "21606",
    "21608",
    "21610",
    "21611",
    "21612",
    "21614",
    "21617",
    "21703",
    "21704",
    "21705",
    "21710",
    "21712",
    "30001",
    "30002",
    "30003",
    "30004",
    "30005",
    "30006",
    "30007",
    "30008",
    "30009",
    "30010",
    "30011",
    "30017",
    "30022",
    "30023",
    "30024",
    "30027",
    "30032",
    "30034",
    "30410",
    "63003",
    "63005",
    "63007",
    "63014",
    "63016",
    "63018",
    "63024",
    "63032",
    "63033",
]


@pytest.mark.parametrize("code", NEEDED)
def test_a_needed_code_is_explained_in_whole_sentences(code: str) -> None:
    entry = explain(code)
    assert entry.code == code
    assert entry.effect in EFFECTS
    assert entry.source == f"https://www.twilio.com/docs/api/errors/{code}"
    for sentence in (entry.meaning, entry.cause, entry.remedy):
        assert sentence[0].isupper()
        assert sentence.endswith(".")


def test_the_table_holds_nothing_twice_and_nothing_else() -> None:
    assert list(_table()) == NEEDED


def test_Q5_S5_the_codes_that_change_more_than_one_message() -> None:
    assert {code for code in NEEDED if explain(code).effect == "opt_out"} == {"21610", "63033"}
    assert explain("21610").final
    assert {"21211", "21614", "30005", "30006"} <= {
        code for code in NEEDED if explain(code).effect == "bad_number"
    }
    assert not explain("20429").final
    assert {code for code in NEEDED if effect_of(code) == "attention"} == {"20003", "20404", "30002"}
    assert {explain(code).effect for code in ("21408", "21608")} == {"operator"}  # of one recipient
    assert effect_of("21408") is None


def test_what_passes_with_time_is_not_final_and_the_rest_is() -> None:
    for code in NEEDED:
        entry = explain(code)
        assert entry.final is (entry.effect not in {"slow_down", "later"}), code


@pytest.mark.parametrize("code", [None, "", "99999", "http_403", "x", "²", "\x00", "1" * 500])
def test_an_unknown_code_has_a_sensible_entry(code: str | None) -> None:
    entry = explain(code)
    assert (entry.final, entry.effect) == (False, "none")
    assert entry.code == (code or "unknown")
    assert entry.source.startswith("https://www.twilio.com/docs/api/errors")
