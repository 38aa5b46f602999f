"""The one-process host gives files of the folder away, beside the functions and before them."""

from pathlib import Path
from uuid import UUID

import httpx
import pytest

from infra.local.files import mounted
from infra.local.functions import load
from infra.local.host import Host
from infra.simulators.running import Running
from leadsrally.kit.clock import system_clock
from leadsrally.kit.errors import Misconfigured
from leadsrally.kit.settings import Settings
from leadsrally.kit.storage import Key
from leadsrally.providers.storage.folder import FolderStorage
from leadsrally.runtime import folder_links
from tests.world import SETTINGS

KEY = Key(UUID(int=1), "exports", "a.zip")


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**SETTINGS, "LEADSRALLY_STORAGE_DIR": str(tmp_path)}


def test_a_link_of_a_function_opens_at_the_host(environment: dict[str, str], tmp_path: Path) -> None:
    FolderStorage(tmp_path).put(KEY, [b"x" * 200_000], content_type="application/zip")
    link = folder_links(Settings(environment), system_clock).link(
        KEY, file_name="everything.zip", content_type="application/zip"
    )
    host = Host(load(), threads=1, mounted=dict(mounted(environment)))
    with Running(host) as running, httpx.Client(base_url=running.base_url, trust_env=False) as http:
        path = link.url.removeprefix(SETTINGS["LEADSRALLY_PUBLIC_URL"])
        got = http.get(path)
        assert (got.status_code, len(got.content)) == (200, 200_000)
        assert got.headers["content-disposition"].startswith('attachment; filename="everything.zip"')
        head = http.head(path)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "200000")
        part = http.get(path, headers={"range": "bytes=199999-"})
        assert (part.status_code, part.content) == (206, b"x")
        refused = http.post(path)
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, PUT")
        assert http.get("/files/x").status_code == 403
        FolderStorage(tmp_path).delete(KEY)
        assert http.get(path).json()["code"] == "file_missing"
    host.close()


@pytest.mark.parametrize(
    "changes", [{"LEADSRALLY_BUCKET": "files"}, {"LEADSRALLY_STORAGE_DIR": ""}], ids=["a bucket", "no folder"]
)
def test_a_bucket_serves_itself(environment: dict[str, str], changes: dict[str, str]) -> None:
    assert mounted({**environment, **changes}) == {}


def test_without_the_key_nothing_is_signed(environment: dict[str, str]) -> None:
    del environment["LEADSRALLY_LINK_KEY"]
    with pytest.raises(Misconfigured, match="LEADSRALLY_LINK_KEY"):
        mounted(environment)
