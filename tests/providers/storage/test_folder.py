"""What only a folder has: a disk with rights and names, and links that we sign ourselves."""

import base64
import hmac
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leadsrally.kit.errors import Forbidden, Unavailable
from leadsrally.kit.storage import Key
from leadsrally.providers.storage.folder import FolderLinks, FolderStorage
from tests.fakes import MovableClock
from tests.providers.storage.conftest import Place, get
from tests.world import START

KEY = Key(UUID(int=1), "media", "a")


class TestFolder:
    def test_only_its_user_may_look(self, tmp_path: Path):
        storage = FolderStorage(tmp_path / "files")
        storage.put(KEY, [b"x"], content_type="text/plain")
        assert storage.path(KEY).stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "files").stat().st_mode & 0o777 == 0o700

    def test_nothing_stays_of_what_broke_off_and_no_folder_of_what_is_gone(self, tmp_path: Path):
        storage = FolderStorage(tmp_path / "files")

        def broken():
            yield b"x"
            raise KeyError

        with pytest.raises(KeyError):
            storage.put(KEY, broken(), content_type="text/plain")
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
        storage.put(KEY, [b"x"], content_type="text/plain")
        storage.delete(KEY)
        assert list((tmp_path / "files").iterdir()) == []

    def test_what_is_being_written_is_in_no_list(self, tmp_path: Path):
        storage = FolderStorage(tmp_path / "files")

        def watched():
            yield b"x"
            assert list(storage.list(KEY.organization_id, "media")) == []
            assert storage.find(KEY) is None

        storage.put(KEY, watched(), content_type="text/plain")
        assert [held.key for held in storage.list(KEY.organization_id, "media")] == [KEY]

    def test_a_disk_that_refuses_is_an_error_to_try_again(self, tmp_path: Path):
        (tmp_path / "files").write_text("a file where the folder should be")
        storage = FolderStorage(tmp_path / "files")
        with pytest.raises(Unavailable) as error:
            storage.put(KEY, [b"x"], content_type="text/plain")
        assert str(tmp_path) not in str(error.value)
        assert storage.find(KEY) is None
        storage.delete(KEY)

    def test_writers_and_deleters_do_not_meet(self, tmp_path: Path):
        """Deleting the last file takes its folder away, which somebody else is just about to write into."""
        storage = FolderStorage(tmp_path / "files")

        def come_and_go(name: str) -> None:
            key = Key(KEY.organization_id, "media", name)
            for _ in range(300):
                storage.put(key, [b"x"], content_type="text/plain")
                storage.delete(key)

        with ThreadPoolExecutor(3) as pool:
            list(pool.map(come_and_go, "abc"))
        assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


class TestTokens:
    def links(self, secret: bytes = b"k" * 32) -> FolderLinks:
        return FolderLinks(secret, "https://host.example.test", MovableClock(START))

    def token(self, links: FolderLinks) -> str:
        return links.link(KEY, file_name="a.png", content_type="image/png").url.rpartition("/")[2]

    def test_a_genuine_one_is_read(self):
        linked = self.links().read(self.token(self.links()))
        assert (linked.key, linked.file_name, linked.content_type) == (KEY, "a.png", "image/png")

    def test_E14_one_of_another_installation_is_refused(self):
        with pytest.raises(Forbidden) as error:
            self.links().read(self.token(self.links(b"j" * 32)))
        assert error.value.code == "link_broken"

    def test_E14_what_the_key_signed_for_something_else_is_no_link(self):
        """The key also signs links that act without a log-in."""
        body = json.dumps({"k": str(KEY), "n": "a", "t": "text/plain", "e": 10**10}).encode()
        for signature in (
            hmac.digest(b"k" * 32, body, "sha256"),
            hmac.digest(b"k" * 32, b"leadsrally.link.1\x00" + body, "sha256"),
        ):
            token = ".".join(
                base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (body, signature)
            )
            with pytest.raises(Forbidden):
                self.links().read(token)

    @given(st.one_of(st.text(st.characters(), max_size=80), st.text("AZaz09-_.=", max_size=80)))
    def test_E14_whatever_comes_is_refused(self, token: str):
        with pytest.raises(Forbidden):
            self.links().read(token)


@pytest.mark.parametrize(
    "path", ["/files/", "/files/x", "/files/../../etc/passwd", "/files/%2e%2e/x", "/files/a.b.c"]
)
def test_what_is_no_link_is_a_problem_without_an_echo(folder: Place, path: str) -> None:
    got = get(f"{folder.links._public_url}{path}")  # pyright: ignore[reportAttributeAccessIssue]
    assert (got.status, json.loads(got.body)["code"]) == (403, "link_broken")
    assert got.headers["cache-control"] == "no-store"


def test_I8_a_page_or_a_script_is_a_download_and_nothing_more(folder: Place) -> None:
    folder.storage.put(KEY, [b"<script>alert(1)</script>"], content_type="text/html")
    got = get(folder.link(KEY, content_type="text/html", file_name="x.html").url)
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "default-src 'none'; sandbox"
