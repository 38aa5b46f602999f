"""Seal a stream of any length in constant memory, so that no piece can be changed, moved, left out or cut off.

The STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse
Misuse-Resistance", CRYPTO 2015), laid out as the file format age does (https://age-encryption.org/v1, "Payload"), with
AES-256-GCM: the plaintext in chunks of 64 KiB, each sealed with the nonce `counter (11 bytes, big endian) · last
(1 byte: 0 or 1)`. The last chunk alone has the 1, may be short, and is empty only when the whole stream is. A key
seals one stream and no other.
"""

from collections.abc import Iterable, Iterator

from leadsrally.kit.crypto import TAG_BYTES, SealBroken, decrypt, encrypt

CHUNK_BYTES = 64 * 1024


def seal_stream(key: bytes, plaintext: Iterable[bytes], bound: bytes) -> Iterator[bytes]:
    """The sealed chunks, in order. `bound` is authenticated with each of them and has to be given to open them."""
    for number, (chunk, last) in enumerate(_cut(plaintext, CHUNK_BYTES)):
        yield encrypt(key, _nonce(number, last=last), chunk, bound)


def open_stream(key: bytes, sealed: Iterable[bytes], bound: bytes) -> Iterator[bytes]:
    """The plaintext, each piece only once it has proved genuine.

    Raises `SealBroken` where the stream stops being the one that was sealed: pieces before that were genuine, so
    whoever acts on them has to be able to take it back.
    """
    for number, (chunk, last) in enumerate(_cut(sealed, CHUNK_BYTES + TAG_BYTES)):
        opened = decrypt(key, _nonce(number, last=last), chunk, bound)
        if last and not opened and number:
            raise SealBroken
        yield opened


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _cut(pieces: Iterable[bytes], size: int) -> Iterator[tuple[bytes, bool]]:
    """The same bytes in chunks of `size`, with whether it is the last one; at least one, if an empty one."""
    held = bytearray()
    for piece in pieces:
        held += piece
        while len(held) > size:
            yield bytes(held[:size]), False
            del held[:size]
    yield bytes(held), True
