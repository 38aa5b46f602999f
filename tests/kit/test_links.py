"""Links that act without a log-in: only ours, only for what they are for, in one spelling."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.errors import NotFound
from leadsrally.kit.links import read, sign

KEY = b"k" * 32


@given(organization_id=st.uuids(), row_id=st.uuids())
def test_a_link_says_what_was_signed(organization_id: UUID, row_id: UUID):
    token = sign(KEY, "reset", organization_id, row_id)
    assert len(token) == 86
    assert read(KEY, "reset", token) == (organization_id, row_id)


@given(st.data())
def test_one_changed_character_is_refused(data: st.DataObject):
    token = sign(KEY, "reset", uuid4(), uuid4())
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda character: character != token[place]))
    with pytest.raises(NotFound):
        read(KEY, "reset", token[:place] + other + token[place + 1 :])


@given(st.text(max_size=200))
def test_any_other_text_is_refused(token: str):
    with pytest.raises(NotFound):
        read(KEY, "reset", token)


def test_it_counts_for_one_purpose_and_one_key():
    token = sign(KEY, "reset", uuid4(), uuid4())
    for key, purpose in ((KEY, "invite"), (b"x" * 32, "reset"), (KEY, "rese"), (KEY, "reset\x00")):
        with pytest.raises(NotFound):
            read(key, purpose, token)
