"""The table of error codes is complete, consistent and never without an answer."""

from datetime import timedelta

import pytest

from leadsrally.providers.meta.error_codes import EFFECTS, _table, explain

# All codes that the wire contract names.
NEEDED = [
    0, 3, 4, 10, 100, 190, 200, 368, 613, 80007, 130429, 130472, 130497, 131000, 131008, 131009, 131016, 131021,
    131026, 131030, 131031, 131037, 131042, 131045, 131047, 131048, 131049, 131050, 131051, 131052, 131053, 131056,
    131057, 131062, 131063, 131064, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 133016, 137000,
]  # fmt: skip


@pytest.mark.parametrize("code", NEEDED)
def test_every_code_of_the_contract_is_explained(code: int):
    told = explain(str(code))
    assert str(code) in _table()
    for sentence in (told.meaning, told.cause, told.remedy):
        assert sentence.endswith(".")
        assert sentence[0].isupper()


@pytest.mark.parametrize("entry", _table().values(), ids=lambda entry: entry.code)
def test_an_entry_is_whole(entry):
    assert entry.effect in EFFECTS
    # What waits says for how long, and what nothing can change never waits.
    waits = entry.effect in ("slow_channel", "slow_account", "slow_pair", "withheld")
    assert (entry.wait is not None) == waits
    assert not (entry.final and waits)
    assert not (entry.final and entry.effect == "unsure")


def test_every_effect_is_used():
    assert {entry.effect for entry in _table().values()} == EFFECTS


@pytest.mark.parametrize(
    ("code", "effect"),
    [
        ("131050", "no_marketing"),
        ("131049", "withheld"),
        ("131047", "window"),
        ("131026", "bad_number"),
        ("131056", "slow_pair"),
        ("130429", "slow_channel"),
        ("190", "attention"),
        ("200", "attention"),
        ("213", "attention"),
        ("299", "attention"),
        ("300", "none"),
        ("199", "none"),
        ("132015", "template_paused"),
        ("131000", "unsure"),
    ],
)
def test_what_each_asks_of_us(code: str, effect: str):
    assert explain(code).effect == effect


def test_marketing_that_was_held_back_waits_for_a_day():
    assert explain("131049").wait == timedelta(hours=24)


@pytest.mark.parametrize("code", [None, "", "999999", "not a code", "２００"])
def test_never_without_an_answer(code: str | None):
    told = explain(code)
    assert told.remedy
    assert told.effect == "none"
    assert not told.final
