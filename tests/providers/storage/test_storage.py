"""One table for both places: what is put comes back, and a link opens one file for a while and nothing else."""

import hashlib
import tracemalloc
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit
from uuid import UUID

import pytest

from leadsrally.kit.errors import NotFound, TooLarge
from leadsrally.kit.storage import LONGEST_LINK, Key, UploadLink
from leadsrally.providers.storage.s3 import PART_BYTES
from tests.providers.storage.conftest import Place, get, put

ORG, RIVAL = UUID(int=1), UUID(int=2)
MINUTE = timedelta(minutes=1)


def key(name: str = "a", organization_id: UUID = ORG, purpose: str = "media") -> Key:
    return Key(organization_id, purpose, name)


def read(place: Place, wanted: Key) -> bytes:
    with place.storage.open(wanted) as chunks:
        return b"".join(chunks)


def noise(size: int, chunk: int = 100_000) -> Iterator[bytes]:
    chance = Random(size)
    while size > 0:
        yield chance.randbytes(min(chunk, size))
        size -= chunk


class TestFiles:
    @pytest.mark.parametrize(
        "chunks",
        [[], [b""], [b"one"], [b"one", b"", b"two"], [b"x" * 70_000, b"y"]],
        ids=["nothing", "empty", "one", "several", "large"],
    )
    def test_what_is_put_comes_back(self, place: Place, chunks: list[bytes]):
        whole = b"".join(chunks)
        assert place.storage.put(key(), iter(chunks), content_type="image/png") == len(whole)
        assert read(place, key()) == whole
        held = place.storage.find(key())
        assert held is not None
        assert (held.key, held.bytes) == (key(), len(whole))
        assert abs(held.stored_at - place.clock.now) < MINUTE

    def test_a_stream_of_unknown_length_in_parts_and_in_constant_memory(self, place: Place):
        place.storage.put(key("warm"), [b"x"], content_type="text/plain")  # what is imported once
        most: list[int] = []
        for parts in (3, 6):
            size = parts * PART_BYTES + 1
            tracemalloc.start()
            assert place.storage.put(key(), noise(size), content_type="video/mp4") == size
            most.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            digest = hashlib.sha256()
            with place.storage.open(key()) as chunks:
                for chunk in chunks:
                    digest.update(chunk)
            assert digest.digest() == hashlib.sha256(b"".join(noise(size))).digest()
        assert max(most) < 3.2 * PART_BYTES
        assert most[1] < 1.1 * most[0], "it grows with the stream"

    def test_what_breaks_off_leaves_what_was_there_before(self, place: Place):
        def broken(size: int) -> Iterator[bytes]:
            yield from noise(size)
            raise TooLarge("too much")

        for size in (10, 2 * PART_BYTES):
            with pytest.raises(TooLarge):
                place.storage.put(key(), broken(size), content_type="video/mp4")
            assert place.storage.find(key()) is None
        place.storage.put(key(), [b"before"], content_type="text/plain")
        with pytest.raises(TooLarge):
            place.storage.put(key(), broken(2 * PART_BYTES), content_type="video/mp4")
        assert read(place, key()) == b"before"
        assert [held.key for held in place.storage.list(ORG, "media")] == [key()]

    def test_a_second_put_replaces(self, place: Place):
        for body in (b"first", b"second and longer"):
            place.storage.put(key(), [body], content_type="text/plain")
        assert read(place, key()) == b"second and longer"

    def test_deleting_twice_is_deleting(self, place: Place):
        place.storage.put(key(), [b"x"], content_type="text/plain")
        place.storage.delete(key())
        place.storage.delete(key())
        place.storage.delete(key("never/was"))
        assert place.storage.find(key()) is None
        assert list(place.storage.list(ORG, "media")) == []
        with pytest.raises(NotFound) as missing, place.storage.open(key()):
            pass
        assert str(ORG) not in str(missing.value)
        place.storage.put(key(), [b"again"], content_type="text/plain")
        assert read(place, key()) == b"again"

    def test_a_list_is_of_one_tenant_and_purpose_in_the_order_of_keys(self, place: Place):
        names = ["b", "a", "c/2", "c/10", "c-1", "c.1"]
        for name in names:
            place.storage.put(key(name), [b"x"], content_type="text/plain")
        place.storage.put(key("a", RIVAL), [b"x"], content_type="text/plain")
        place.storage.put(key("a", purpose="exports"), [b"x"], content_type="text/plain")
        listed = [held.key for held in place.storage.list(ORG, "media")]
        assert listed == sorted(map(key, names), key=str)
        assert list(place.storage.organizations()) == [ORG, RIVAL]
        assert list(place.storage.list(UUID(int=3), "media")) == []


class TestLinks:
    @pytest.fixture
    def stored(self, place: Place) -> Key:
        place.storage.put(key(), [b"\x89PNG one"], content_type="image/png")
        place.storage.put(key("b"), [b"\x89PNG two"], content_type="image/png")
        place.storage.put(key("a", RIVAL), [b"\x89PNG of the rival"], content_type="image/png")
        return key()

    def test_it_downloads_and_is_kept_nowhere(self, place: Place, stored: Key):
        link = place.link(stored, file_name="Prüfbericht „1“.png")
        got = get(link.url)
        assert (got.status, got.body) == (200, b"\x89PNG one")
        assert got.headers["content-type"] == "image/png"
        assert got.headers["content-disposition"].startswith("attachment; ")
        assert "filename*=UTF-8''Pr%C3%BCfbericht%20_1_.png" in got.headers["content-disposition"]
        assert "no-store" in got.headers["cache-control"]
        assert get(link.url, range="bytes=1-3").body == b"PNG"

    def test_E14_it_ends_when_it_says_so(self, place: Place, stored: Key):
        link = place.link(stored)
        assert timedelta(minutes=4) < link.expires_at - place.clock.now <= timedelta(minutes=5)
        assert get(place.link(stored, ago=4 * MINUTE).url).status == 200
        refused = get(place.link(stored, ago=5 * MINUTE).url)
        assert refused.status == 403
        assert b"PNG" not in refused.body

    def test_E14_the_longest_lasts_a_quarter_of_an_hour(self, place: Place, stored: Key):
        assert get(place.link(stored, ago=14 * MINUTE, lasting=LONGEST_LINK).url).status == 200
        assert get(place.link(stored, ago=16 * MINUTE, lasting=LONGEST_LINK).url).status == 403
        for lasting in (LONGEST_LINK + timedelta(seconds=1), timedelta(0), -MINUTE):
            with pytest.raises(ValueError, match="15"):
                place.link(stored, lasting=lasting)

    def test_E14_after_the_file_is_erased(self, place: Place, stored: Key):
        link = place.link(stored)
        place.storage.delete(stored)
        assert get(link.url).status == 404

    def test_E14_every_altered_character_is_refused(self, place: Place, stored: Key):
        """What it opens, for how long, under which name and type: all of it is signed."""
        link = place.link(stored)
        others = list(_altered(link.url))
        assert len(others) > 5
        for other in others:
            assert other != link.url
            got = get(other)
            assert got.status in (400, 403), other
            assert b"PNG" not in got.body

    def test_E14_another_tenants_file_cannot_be_named(self, place: Place, stored: Key):
        mine, theirs = place.link(stored).url, place.link(key("a", RIVAL)).url
        address = urlsplit(mine)
        if address.query:
            moved = [mine.replace(str(ORG), str(RIVAL), 1), mine.replace("/media/a", "/media/b", 1)]
        else:
            body, _, signature = mine.rpartition(".")
            moved = [f"{theirs.rpartition('.')[0]}.{signature}", f"{body}.{theirs.rpartition('.')[2]}"]
        for other in moved:
            assert other not in (mine, theirs)
            assert get(other).status == 403

    def test_it_shows_nothing_when_printed(self, place: Place, stored: Key):
        link = place.link(stored)
        assert link.url not in repr(link)
        assert "files" not in repr(place.storage).lower()


class TestUploadLinks:
    def link(self, place: Place, size: int = 8, **options: Any) -> UploadLink:
        return place.links.upload_link(key(), content_type="image/png", size=size, **options)

    def test_it_takes_one_file(self, place: Place):
        link = self.link(place)
        assert put(link, b"\x89PNG one") == 200
        assert read(place, key()) == b"\x89PNG one"
        assert link.url not in repr(link)

    def test_a_large_one_is_never_whole_in_memory(self, folder: Place):
        size = 3 * PART_BYTES + 1
        body = b"".join(noise(size))
        tracemalloc.start()
        assert put(self.link(folder, size), body) == 200
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert most < PART_BYTES
        held = folder.storage.find(key())
        assert held is not None
        assert held.bytes == size

    @pytest.mark.parametrize("body", [b"", b"\x89PNG on", b"\x89PNG ones"])
    def test_another_size_is_refused_and_leaves_nothing(self, place: Place, body: bytes):
        assert put(self.link(place), body) in (403, 422)  # S3 finds the signed header changed
        assert place.storage.find(key()) is None
        assert put(self.link(place), b"\x89PNG one") == 200

    def test_S3_signs_the_size_and_that_there_is_nothing_yet(self, s3: Place):
        signed = dict(parse_qsl(urlsplit(self.link(s3).url).query))["X-Amz-SignedHeaders"].split(";")
        assert {"content-length", "content-type", "if-none-match"} <= set(signed)

    def test_what_was_looked_at_is_not_replaced(self, place: Place):
        link = self.link(place)
        assert put(link, b"\x89PNG one") == 200
        assert put(link, b"\x89PNG two") == 412
        assert put(self.link(place), b"\x89PNG two") == 412
        assert read(place, key()) == b"\x89PNG one"

    def test_E14_it_ends_when_it_says_so(self, place: Place):
        place.clock.now -= 16 * MINUTE
        link = self.link(place)
        place.clock.now += 16 * MINUTE
        assert put(link, b"\x89PNG one") == 403
        assert place.storage.find(key()) is None
        with pytest.raises(ValueError, match="15"):
            self.link(place, lasting=16 * MINUTE)

    def test_one_for_reading_takes_nothing_and_one_for_writing_gives_nothing(self, place: Place):
        link = self.link(place)
        assert put(link, b"\x89PNG one") == 200
        assert get(link.url).status == 403
        reading = place.link(key("b")).url
        assert put(UploadLink(reading, link.headers, link.expires_at), b"\x89PNG one") == 403


def _altered(url: str) -> Iterator[str]:
    """The link with each of its characters changed, or with each of its parameters changed or left out."""
    address = urlsplit(url)
    if not address.query:
        for place in range(url.index("/files/") + 7, len(url)):
            if url[place] != ".":
                yield url[:place] + _other(url[place]) + url[place + 1 :]
        return
    pairs = parse_qsl(address.query, keep_blank_values=True)
    for place, (name, value) in enumerate(pairs):
        if name in ("X-Amz-Algorithm", "X-Amz-Credential"):
            continue
        changed = {
            "X-Amz-Expires": "86400",
            "X-Amz-Date": value[:-2] + _other(value[-2]) + "Z",  # some second, that is
            "X-Amz-SignedHeaders": "host;range",
        }.get(name, _other(value[0]) + value[1:])
        yield address._replace(
            query=urlencode([*pairs[:place], (name, changed), *pairs[place + 1 :]])
        ).geturl()
        if name.startswith("response-"):
            yield address._replace(query=urlencode([*pairs[:place], *pairs[place + 1 :]])).geturl()


def _other(character: str) -> str:
    return "0" if character != "0" else "1"
