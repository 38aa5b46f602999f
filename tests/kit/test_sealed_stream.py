"""A sealed stream opens as it was, or not at all."""

from collections.abc import Iterator
from random import Random

import pytest

from leadsrally.kit.crypto import TAG_BYTES, SealBroken
from leadsrally.kit.sealed_stream import CHUNK_BYTES, open_stream, seal_stream

KEY, BOUND = b"k" * 32, b"backup of this house"
SEALED = CHUNK_BYTES + TAG_BYTES


def sealed(plaintext: bytes, key: bytes = KEY, bound: bytes = BOUND) -> bytes:
    return b"".join(seal_stream(key, [plaintext], bound))


def opened(blob: bytes, key: bytes = KEY, bound: bytes = BOUND) -> bytes:
    return b"".join(open_stream(key, [blob], bound))


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES])
def test_every_length_comes_back(size: int) -> None:
    plaintext = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    blob = sealed(plaintext)
    assert opened(blob) == plaintext
    assert len(blob) == size + TAG_BYTES * max(1, -(-size // CHUNK_BYTES))


@pytest.mark.parametrize("seed", range(20))
def test_how_it_comes_in_pieces_makes_no_difference(seed: int) -> None:
    chance, plaintext = Random(seed), b"abcdefgh" * 20_000

    def pieces(whole: bytes) -> Iterator[bytes]:
        while whole:
            size = chance.choice([0, 1, 17, CHUNK_BYTES, SEALED, chance.randrange(90_000)])
            yield whole[:size]
            whole = whole[size:]

    blob = b"".join(seal_stream(KEY, pieces(plaintext), BOUND))
    assert blob == sealed(plaintext)
    assert b"".join(open_stream(KEY, pieces(blob), BOUND)) == plaintext


BLOB = sealed(b"p" * (2 * CHUNK_BYTES + 100))
FIRST, SECOND, LAST = BLOB[:SEALED], BLOB[SEALED : 2 * SEALED], BLOB[2 * SEALED :]


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        FIRST + SECOND,  # cut off at the border of a chunk
        BLOB[:-1],
        FIRST + LAST,
        SECOND + FIRST + LAST,
        FIRST + FIRST + SECOND + LAST,
        BLOB + FIRST,
        BLOB + sealed(b""),  # an empty one behind the last
        LAST,
    ],
    ids=["nothing", "cut", "cut short", "left out", "moved", "twice", "longer", "empty end", "only the end"],
)
def test_a_stream_that_is_another_does_not_open(broken: bytes) -> None:
    with pytest.raises(SealBroken):
        opened(broken)


@pytest.mark.parametrize("at", [0, 1, CHUNK_BYTES, SEALED - 1, SEALED, 2 * SEALED + 50, len(BLOB) - 1])
@pytest.mark.parametrize("bit", [0, 7])
def test_one_bit_is_enough(at: int, bit: int) -> None:
    changed = bytearray(BLOB)
    changed[at] ^= 1 << bit
    with pytest.raises(SealBroken):
        opened(bytes(changed))


def test_another_key_or_another_place_does_not_open_it() -> None:
    for key, bound in ((b"j" * 32, BOUND), (KEY, b"another")):
        with pytest.raises(SealBroken):
            opened(BLOB, key, bound)


def test_nothing_is_given_out_before_it_is_genuine() -> None:
    changed = FIRST + SECOND[:-1] + bytes([SECOND[-1] ^ 1]) + LAST
    stream = open_stream(KEY, [changed], BOUND)
    assert next(stream) == b"p" * CHUNK_BYTES
    with pytest.raises(SealBroken):
        next(stream)
