"""Sealed credentials open only where they belong; keyed hashes tell tenants nothing about each other."""

import struct
from uuid import UUID, uuid4

import pytest

from leadsrally.kit.crypto import KeyedHash, KeyService, SealBroken, SealContext, Vault
from leadsrally.kit.errors import Misconfigured
from leadsrally.providers.keys.local import LocalKeys

CANARY = b"canary-5f1d-auth-token"
ORGANIZATION = UUID("018f0000-0000-7000-8000-000000000001")
ROW = UUID("018f0000-0000-7000-8000-0000000000a1")
HERE = SealContext(ORGANIZATION, "twilio.auth_token", ROW)
OLD, NEW = b"o" * 32, b"n" * 32


def vault(**keys: bytes) -> Vault:
    held = keys or {"first": OLD}
    service: KeyService = LocalKeys(held, current=list(held)[-1])
    return Vault(service)


def test_what_is_sealed_opens_again() -> None:
    blob = vault().seal(CANARY, HERE)
    assert vault().open(blob, HERE) == CANARY
    assert CANARY not in blob


def test_an_empty_secret_is_a_secret_too() -> None:
    assert vault().open(vault().seal(b"", HERE), HERE) == b""


def test_the_same_secret_never_seals_to_the_same_bytes() -> None:
    assert vault().seal(CANARY, HERE) != vault().seal(CANARY, HERE)


@pytest.mark.parametrize(
    "elsewhere",
    [
        SealContext(uuid4(), HERE.purpose, ROW),
        SealContext(ORGANIZATION, "twilio.api_key", ROW),
        SealContext(ORGANIZATION, HERE.purpose, uuid4()),
        SealContext(ROW, HERE.purpose, ORGANIZATION),
        SealContext(ORGANIZATION, "", ROW),
    ],
    ids=["other tenant", "other purpose", "other row", "ids swapped", "no purpose"],
)
def test_O6_a_blob_moved_elsewhere_does_not_open(elsewhere: SealContext) -> None:
    blob = vault().seal(CANARY, HERE)
    with pytest.raises(SealBroken):
        vault().open(blob, elsewhere)
    with pytest.raises(SealBroken):
        vault().rewrap(blob, elsewhere)


def test_O6_both_layers_know_their_place() -> None:
    """The wrapped key of one row put in front of another row's body opens neither."""
    other = SealContext(ORGANIZATION, HERE.purpose, uuid4())
    mine, theirs = vault().seal(CANARY, HERE), vault().seal(b"theirs", other)
    size = 3 + struct.unpack_from(">BH", mine)[1]
    for mixed in (mine[:size] + theirs[size:], theirs[:size] + mine[size:]):
        for place in (HERE, other):
            with pytest.raises(SealBroken):
                vault().open(mixed, place)


def test_O6_every_cut_and_every_flipped_byte_fails_closed() -> None:
    blob = vault().seal(CANARY, HERE)
    for end in range(len(blob)):
        with pytest.raises(SealBroken):
            vault().open(blob[:end], HERE)
    for place in range(len(blob)):
        altered = bytearray(blob)
        altered[place] ^= 0x01
        with pytest.raises(SealBroken):
            vault().open(bytes(altered), HERE)
    with pytest.raises(SealBroken):
        vault().open(blob + b"\x00", HERE)


def test_O6_another_master_key_of_the_same_name_fails_closed() -> None:
    blob = vault(first=OLD).seal(CANARY, HERE)
    with pytest.raises(SealBroken) as caught:
        vault(first=NEW).open(blob, HERE)
    assert caught.value.code == "seal_broken"


def test_O6_a_master_key_that_is_gone_says_so_by_code() -> None:
    blob = vault(first=OLD).seal(CANARY, HERE)
    with pytest.raises(SealBroken) as caught:
        vault(second=NEW).open(blob, HERE)
    assert caught.value.code == "seal_key_unknown"


def test_O6_a_blob_cannot_be_relabelled_to_another_master_key() -> None:
    blob = vault(aaaa=OLD).seal(CANARY, HERE)
    with pytest.raises(SealBroken):
        vault(aaaa=OLD, bbbb=OLD).open(blob.replace(b"aaaa", b"bbbb", 1), HERE)


def test_rotation_moves_a_secret_to_the_new_key_and_lets_the_old_one_go() -> None:
    blob = vault(first=OLD).seal(CANARY, HERE)
    both = vault(first=OLD, second=NEW)
    assert both.open(blob, HERE) == CANARY
    assert not both.is_current(blob)

    moved = both.rewrap(blob, HERE)
    assert both.is_current(moved)
    assert vault(second=NEW).open(moved, HERE) == CANARY
    assert moved[-len(CANARY) - 28 :] == blob[-len(CANARY) - 28 :], "the data layer stays as it was"


def test_nothing_that_prints_shows_a_key_or_a_secret() -> None:
    keys = LocalKeys({"first": CANARY + b"." * 10}, current="first")
    shown = f"{keys!r} {Vault(keys)!r} {KeyedHash(CANARY * 2)!r}"
    blob = Vault(keys).seal(CANARY, HERE)
    with pytest.raises(SealBroken) as caught:
        vault().open(blob, HERE)
    shown += repr(caught.value) + str(caught.value) + caught.value.sentence + caught.value.code
    assert "canary" not in shown
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("keys", "current"),
    [
        ({"a": b"short"}, "a"),
        ({"": OLD}, ""),
        ({"a" * 65: OLD}, "a" * 65),
        ({"ä": OLD}, "ä"),
        ({"a": OLD}, "b"),
        ({}, ""),
    ],
)
def test_keys_that_cannot_work_stop_the_start(keys: dict[str, bytes], current: str) -> None:
    with pytest.raises(Misconfigured):
        LocalKeys(keys, current=current)


def test_keys_cannot_be_changed_from_outside() -> None:
    given = {"first": OLD}
    keys = LocalKeys(given, current="first")
    given["first"] = NEW
    assert Vault(keys).open(vault(first=OLD).seal(CANARY, HERE), HERE) == CANARY


def test_a_keyed_hash_is_the_same_after_a_restart() -> None:
    digest = KeyedHash(b"s" * 32).of(ORGANIZATION, "suppression", "+15550100001")
    assert digest == KeyedHash(b"s" * 32).of(ORGANIZATION, "suppression", "+15550100001")
    # The value itself, so that a change of the derivation cannot pass unseen: stored hashes would all go blind.
    assert digest.hex() == "7311f0e7e32f6ed5417dc2ffe76b5020896267350c1161cdc4f4495155076239"


def test_a_keyed_hash_differs_by_tenant_purpose_value_and_secret() -> None:
    number = "+15550100001"
    digests = {
        KeyedHash(b"s" * 32).of(ORGANIZATION, "suppression", number),
        KeyedHash(b"s" * 32).of(ROW, "suppression", number),
        KeyedHash(b"s" * 32).of(ORGANIZATION, "inbound", number),
        KeyedHash(b"s" * 32).of(ORGANIZATION, "suppression", "+15550100002"),
        KeyedHash(b"t" * 32).of(ORGANIZATION, "suppression", number),
    }
    assert len(digests) == 5


def test_a_short_hashing_secret_stops_the_start() -> None:
    with pytest.raises(Misconfigured):
        KeyedHash(b"short")


def test_derived_keys_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leadsrally.kit.crypto._DERIVED_KEYS_KEPT", 3)
    hashes = KeyedHash(b"s" * 32)
    first = hashes.of(ORGANIZATION, "p0", "v")
    for number in range(20):
        hashes.of(ORGANIZATION, f"p{number}", "v")
        assert len(hashes._derived) <= 3
    assert hashes.of(ORGANIZATION, "p0", "v") == first
