"""The erasure ledger: what is written comes back, in order, from an instant on, and never with something left out."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.storage import HOUSE, Key
from leadsrally.privacy.erasure.ledger import (
    LEDGER,
    Entry,
    Suppressed,
    entries_since,
    forget_before,
    key_of,
    write,
)
from leadsrally.providers.storage.folder import FolderStorage

NOON = datetime(2026, 4, 17, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
STOP = Suppressed("sms", "marketing", b"\x00\xff" * 16, "keyword", NOON - timedelta(days=3))


@pytest.fixture
def storage(tmp_path: Path) -> FolderStorage:
    return FolderStorage(tmp_path)


def entry(at: datetime = NOON, **other: Any) -> Entry:
    return Entry(
        **{
            "id": uuid4(),
            "at": at,
            "kind": "contact",
            "organization_id": uuid4(),
            "subject_id": uuid4(),
            **other,
        }
    )


class TestWrite:
    @pytest.mark.parametrize(
        "written",
        [
            entry(kind="organization"),
            entry(kind="conversation"),
            entry(kind="message", at=NOON + TICK),
            entry(merged=(uuid4(), uuid4()), known_as=(b"\x01" * 32,), suppressed=(STOP,)),
        ],
        ids=lambda one: one.kind,
    )
    def test_E6_it_comes_back_as_it_was(self, storage: FolderStorage, written: Entry):
        write(storage, written)
        assert list(entries_since(storage, written.at)) == [written]

    def test_E6_it_lies_outside_every_organisation(self, storage: FolderStorage):
        written = entry()
        write(storage, written)
        assert list(storage.list(written.organization_id, LEDGER)) == []
        assert list(storage.organizations()) == [HOUSE]

    def test_it_is_written_again_in_the_same_place(self, storage: FolderStorage):
        first = entry()
        write(storage, first)
        second = Entry(
            first.id, first.at, "contact", first.organization_id, first.subject_id, suppressed=(STOP,)
        )
        write(storage, second)
        assert list(entries_since(storage, NOON)) == [second]

    def test_it_holds_ids_and_hashes_alone(self, storage: FolderStorage):
        written = entry(suppressed=(STOP,))
        write(storage, written)
        with storage.open(key_of(written)) as chunks:
            read = json.loads(b"".join(chunks))
        assert read.keys() == {
            "id",
            "at",
            "kind",
            "organization_id",
            "subject_id",
            "merged",
            "known_as",
            "suppressed",
        }
        assert read["suppressed"][0].keys() == {"channel_kind", "purpose", "number_hash", "source", "since"}


class TestEntriesSince:
    def test_R1_the_instant_itself_is_among_them(self, storage: FolderStorage):
        before, at, after = (entry(NOON + tick) for tick in (-TICK, timedelta(0), TICK))
        for one in (after, before, at):
            write(storage, one)
        assert list(entries_since(storage, NOON)) == [at, after]

    def test_R2_an_instant_of_another_zone_is_the_same_instant(self, storage: FolderStorage):
        new_york = timezone(timedelta(hours=-4))
        written = entry(NOON.astimezone(new_york))
        write(storage, written)
        assert [one.at for one in entries_since(storage, NOON)] == [NOON]
        assert list(entries_since(storage, (NOON + TICK).astimezone(new_york))) == []

    @given(st.tuples(st.integers(0, 10**15), st.integers(0, 10**15)))
    def test_keys_sort_as_time_does(self, microseconds: tuple[int, int]):
        entries = [entry(NOON + timedelta(microseconds=later)) for later in {*microseconds}]
        assert sorted(entries, key=lambda one: str(key_of(one))) == sorted(entries, key=lambda one: one.at)

    @pytest.mark.parametrize("lacking", ["id", "subject_id", "merged", "suppressed", "organization_id"])
    def test_E6_what_cannot_be_read_stops_the_replay(self, storage: FolderStorage, lacking: str):
        written = entry()
        write(storage, written)
        with storage.open(key_of(written)) as chunks:
            read = json.loads(b"".join(chunks))
        del read[lacking]
        storage.put(key_of(written), [json.dumps(read).encode()], content_type="application/json")
        with pytest.raises(ValueError):
            list(entries_since(storage, NOON))

    def test_E6_what_is_no_entry_is_not_passed_over(self, storage: FolderStorage):
        storage.put(Key(HOUSE, LEDGER, "notes.txt"), [b"x"], content_type="text/plain")
        with pytest.raises(ValueError):
            list(entries_since(storage, NOON))


class TestForgetBefore:
    def test_R1_the_instant_itself_is_kept(self, storage: FolderStorage):
        before, at = entry(NOON - TICK), entry(NOON)
        write(storage, before)
        write(storage, at)
        assert forget_before(storage, NOON) == 1
        assert list(entries_since(storage, NOON - timedelta(days=1))) == [at]


def test_no_organisation_has_the_id_of_the_house():
    assert UUID(int=0) == HOUSE  # ids are random (kit.ids), and never nil (RFC 9562 §5.9)
