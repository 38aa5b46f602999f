"""Both places for files, behind the server that gives them away: a folder, and S3 on an emulator of AWS."""

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from infra.local.files import Files
from infra.simulators.running import Running
from leadsrally.kit.storage import Key, Link, Links, Storage, UploadLink
from leadsrally.providers.storage.folder import FolderLinks, FolderStorage
from leadsrally.providers.storage.s3 import S3Storage
from tests.aws.emulator import PROGRAM, Emulator
from tests.fakes import MovableClock


@dataclass(frozen=True)
class Got:
    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class Place:
    """A storage under test."""

    storage: Storage
    links: Links
    clock: MovableClock

    def link(self, key: Key, *, ago: timedelta = timedelta(0), **options: Any) -> Link:
        """A link that was asked for some time ago."""
        told = {"file_name": "photo.png", "content_type": "image/png", **options}
        self.clock.now -= ago
        try:
            return self.links.link(key, **told)
        finally:
            self.clock.now += ago


def put(link: UploadLink, body: bytes, **changes: str) -> int:
    """Upload as the API says it is done; returns the status of the answer."""
    return ask("PUT", link.url, body, {**link.headers, **changes}).status


def get(url: str, **headers: str) -> Got:
    """As a browser would: the address is all it has."""
    return ask("GET", url, headers=headers)


def ask(method: str, url: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Got:
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=5)
    target = f"{address.path}?{address.query}" if address.query else address.path
    connection.request(method, target, body, dict(headers or {}))
    answer = connection.getresponse()
    told = Got(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
    connection.close()
    return told


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    if not PROGRAM.exists():
        pytest.skip("no emulator of AWS: `make .venv-aws/ready` installs it")
    with Emulator(tmp_path_factory.mktemp("aws")) as running:
        yield running


@pytest.fixture
def bucket(emulator: Emulator) -> str:
    name = f"files-{uuid4().hex}"
    place = {"LocationConstraint": "eu-west-1"}
    emulator.client("s3").create_bucket(Bucket=name, CreateBucketConfiguration=place)
    return name


@pytest.fixture
def s3(emulator: Emulator, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Place:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    clock = MovableClock(datetime.now(UTC))
    # Only who signs can be moved in time; who looks at the link is another process.
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: clock.now.replace(tzinfo=None))
    storage = S3Storage(bucket, clock)
    return Place(storage, storage, clock)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Place]:
    clock = MovableClock(datetime.now(UTC))
    storage = FolderStorage(tmp_path / "files")
    links = FolderLinks(b"k" * 32, "", clock)
    with Running(Files(storage, links)) as server:
        links._public_url = server.base_url
        yield Place(storage, links, clock)


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest) -> Place:
    return request.getfixturevalue(request.param)
