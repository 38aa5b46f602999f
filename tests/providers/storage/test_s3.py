"""What only a bucket has: its own address, its encryption, and the many ways in which AWS says no."""

import socket
from typing import Any
from uuid import UUID

import boto3
import pytest
from botocore.config import Config

from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.kit.storage import Key, Storage
from leadsrally.providers.storage.s3 import PART_BYTES, S3Storage
from tests.aws.emulator import Emulator
from tests.fakes import MovableClock
from tests.providers.storage.conftest import Place
from tests.world import START

KEY = Key(UUID(int=1), "media", "a")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "canary-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return monkeypatch


@pytest.mark.parametrize("region", ["eu-west-1", "us-east-1", "ap-southeast-2"])
def test_links_are_signed_for_the_buckets_own_region(credentials: pytest.MonkeyPatch, region: str) -> None:
    credentials.setenv("AWS_DEFAULT_REGION", region)
    link = S3Storage("the-files", MovableClock(START)).link(KEY, file_name="a.png", content_type="image/png")
    assert link.url.startswith(f"https://the-files.s3.{region}.amazonaws.com/{KEY}?")
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in link.url
    assert "X-Amz-Expires=300" in link.url
    assert f"{region}%2Fs3%2Faws4_request" in link.url
    assert "canary" not in link.url


@pytest.mark.parametrize("size", [10, PART_BYTES + 1], ids=["at once", "in parts"])
def test_files_rest_encrypted_with_their_type(s3: Place, bucket: str, emulator: Emulator, size: int) -> None:
    s3.storage.put(KEY, [b"x" * size], content_type="application/pdf")
    found = emulator.client("s3").head_object(Bucket=bucket, Key=str(KEY))
    assert (found["ServerSideEncryption"], found["ContentType"]) == ("AES256", "application/pdf")


def test_parts_of_what_broke_off_are_taken_back(s3: Place, bucket: str, emulator: Emulator) -> None:
    def broken() -> Any:
        yield b"x" * (2 * PART_BYTES)
        raise KeyError

    with pytest.raises(KeyError):
        s3.storage.put(KEY, broken(), content_type="video/mp4")
    assert "Uploads" not in emulator.client("s3").list_multipart_uploads(Bucket=bucket)


def test_more_files_than_one_page_holds(s3: Place, bucket: str, emulator: Emulator) -> None:
    paged = emulator.client("s3")
    for number in range(5):
        paged.put_object(Bucket=bucket, Key=f"{UUID(int=number)}/media/a", Body=b"x")
        paged.put_object(Bucket=bucket, Key=f"{UUID(int=1)}/media/{number}", Body=b"x")
    paged.put_object(Bucket=bucket, Key=f"{UUID(int=1)}/media/not a key", Body=b"x")
    paged.put_object(Bucket=bucket, Key="elsewhere/a", Body=b"x")
    original = paged.get_paginator
    paged.get_paginator = lambda name: _Small(original(name))
    storage = S3Storage(bucket, s3.clock, client=paged)
    assert [held.key.name for held in storage.list(UUID(int=1), "media")] == ["0", "1", "2", "3", "4", "a"]
    assert list(storage.organizations()) == [UUID(int=number) for number in range(5)]


class _Small:
    def __init__(self, paginator: Any) -> None:
        self._paginator = paginator

    def paginate(self, **wanted: Any) -> Any:
        return self._paginator.paginate(**wanted, PaginationConfig={"PageSize": 2})


def every_way(storage: Storage) -> list[Any]:
    def read() -> None:
        with storage.open(KEY) as chunks:
            list(chunks)

    return [
        lambda: storage.put(KEY, [b"x"], content_type="text/plain"),
        lambda: storage.put(KEY, [b"x" * (PART_BYTES + 1)], content_type="text/plain"),
        read,
        lambda: storage.delete(KEY),
        lambda: list(storage.list(KEY.organization_id, "media")),
        lambda: list(storage.organizations()),
    ]


def test_a_storage_that_is_away_is_an_error_to_try_again(credentials: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        client = boto3.client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{taken.getsockname()[1]}",
            region_name="eu-west-1",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=1),
        )
        storage = S3Storage("files", MovableClock(START), client=client)
        for way in (*every_way(storage), lambda: storage.find(KEY)):
            with pytest.raises(Unavailable) as error:
                way()
            assert error.value.code == "storage"
            assert "127.0.0.1" not in str(error.value)


def test_a_bucket_that_does_not_exist_is_a_mistake_of_ours(s3: Place) -> None:
    storage = S3Storage("no-such-bucket-canary", s3.clock)
    for way in every_way(storage):
        with pytest.raises(Misconfigured) as error:
            way()
        assert "canary" not in str(error.value)
        assert error.value.code == "storage_refused"
    assert storage.find(KEY) is None  # HEAD has no body that could tell a bucket from a file
