"""Files in an S3 bucket: streamed in parts, encrypted at rest, handed out by links that AWS checks."""

import sys
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any, Final, cast
from uuid import UUID

from leadsrally.kit.clock import Clock
from leadsrally.kit.errors import Misconfigured, Unavailable
from leadsrally.kit.storage import (
    CHUNK_BYTES,
    LONGEST_LINK,
    Held,
    Key,
    Link,
    UploadLink,
    disposition,
    no_such_file,
    refuse_long,
)

# The least S3 takes is 5 MiB. Ten thousand parts of this size are 80 GB.
PART_BYTES: Final = 8 * 1024 * 1024
_ABSENT: Final = frozenset({"404", "NoSuchKey", "NotFound"})
_REFUSED: Final = frozenset(
    {"403", "AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "SignatureDoesNotMatch"}
)


class S3Storage:
    """`leadsrally.kit.storage.Storage` and `Links` for one bucket. Keeps its client; safe to share and reuse.

    Credentials, region and an endpoint other than AWS's come from the environment, as boto3 reads them.
    """

    def __init__(self, bucket: str, clock: Clock, *, client: Any = None) -> None:
        self._bucket = bucket
        self._clock = clock
        self._given = client

    def __repr__(self) -> str:
        return "S3Storage()"

    @cached_property
    def _client(self) -> Any:
        if self._given is not None:
            return self._given
        import boto3  # 500 ms with its S3 client
        from botocore.config import Config

        return (
            cast("Any", boto3)
            .Session()
            .client(
                "s3",
                config=Config(
                    # Without these two boto3 signs links with SigV2, for the global host.
                    signature_version="s3v4",
                    s3={"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"},
                    connect_timeout=3,
                    read_timeout=20,
                    retries={"total_max_attempts": 4, "mode": "standard"},
                ),
            )
        )

    def put(self, key: Key, chunks: Iterable[bytes], *, content_type: str) -> int:
        from boto3.s3.transfer import TransferConfig

        stream = _Stream(chunks)
        with _translated():
            # Takes the stream's size as it comes, and withdraws what was sent when the stream breaks off.
            self._client.upload_fileobj(
                stream,
                self._bucket,
                str(key),
                ExtraArgs={"ContentType": content_type, "ServerSideEncryption": "AES256"},
                # One part in memory at a time; threads would hold ten.
                Config=TransferConfig(
                    multipart_threshold=PART_BYTES, multipart_chunksize=PART_BYTES, use_threads=False
                ),
            )
        return stream.size

    @contextmanager
    def open(self, key: Key) -> Generator[Iterator[bytes]]:
        with _translated():
            body = self._client.get_object(Bucket=self._bucket, Key=str(key))["Body"]
        try:
            yield _pieces(body)
        finally:
            body.close()

    def find(self, key: Key) -> Held | None:
        from botocore.exceptions import ClientError

        with _translated():
            try:
                found = self._client.head_object(Bucket=self._bucket, Key=str(key))
            except ClientError as error:
                if _code(error) in _ABSENT:
                    return None
                raise
        return Held(key, found["ContentLength"], found["LastModified"])

    def delete(self, key: Key) -> None:
        with _translated():
            self._client.delete_object(Bucket=self._bucket, Key=str(key))

    def list(self, organization_id: UUID, purpose: str) -> Iterator[Held]:
        for page in self._pages(Prefix=Key.prefix(organization_id, purpose)):
            for found in page.get("Contents", ()):
                key = Key.parse(found["Key"])
                if key is not None:
                    yield Held(key, found["Size"], found["LastModified"])

    def organizations(self) -> Iterator[UUID]:
        for page in self._pages(Delimiter="/"):
            for found in page.get("CommonPrefixes", ()):
                try:
                    yield UUID(found["Prefix"].rstrip("/"))
                except ValueError:
                    continue

    def _pages(self, **wanted: str) -> Iterator[dict[str, Any]]:
        with _translated():
            pages = iter(
                self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, **wanted)
            )
        while True:
            with _translated():
                page = next(pages, None)
            if page is None:
                return
            yield page

    def link(
        self, key: Key, *, file_name: str, content_type: str, lasting: timedelta = timedelta(minutes=5)
    ) -> Link:
        """As `Links` says. Signed with a role's short-lived credentials, it ends with those at the latest.

        https://repost.aws/knowledge-center/presigned-url-s3-bucket-expiration
        """
        refuse_long(lasting)
        expires_at = (self._clock() + lasting).replace(microsecond=0)
        with _translated():
            url = self._client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": str(key),
                    "ResponseContentDisposition": disposition(file_name),
                    "ResponseContentType": content_type,
                    "ResponseCacheControl": "private, no-store",
                },
                ExpiresIn=int(lasting.total_seconds()),
            )
        return Link(url, expires_at)

    def upload_link(
        self, key: Key, *, content_type: str, size: int, lasting: timedelta = LONGEST_LINK
    ) -> UploadLink:
        """As `Links` says. The headers are signed, so S3 itself refuses another size, and a second file (412).

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
        """
        refuse_long(lasting)
        expires_at = (self._clock() + lasting).replace(microsecond=0)
        with _translated():
            url = self._client.generate_presigned_url(
                "put_object",
                Params={
                    "Bucket": self._bucket,
                    "Key": str(key),
                    "ContentType": content_type,
                    "ContentLength": size,
                    "IfNoneMatch": "*",
                },
                ExpiresIn=int(lasting.total_seconds()),
            )
        return UploadLink(url, {"content-type": content_type, "if-none-match": "*"}, expires_at)


class _Stream:
    """Chunks as the file that boto3 wants to read from, counted."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self.size = 0

    def read(self, size: int = sys.maxsize) -> bytes:
        """Up to `size` bytes, and fewer only at the end. boto3 asks for all of it only below one part."""
        parts: list[memoryview] = []
        missing = size
        while missing > 0:
            if not self._rest:
                chunk = next(self._chunks, None)
                if chunk is None:
                    break
                self._rest = memoryview(chunk)
            parts.append(self._rest[:missing])
            self._rest = self._rest[missing:]
            missing -= len(parts[-1])
        self.size += size - missing
        return b"".join(parts)


def _pieces(body: Any) -> Iterator[bytes]:
    while True:
        with _translated():
            piece = body.read(CHUNK_BYTES)
        if not piece:
            return
        yield piece


@contextmanager
def _translated() -> Generator[None]:
    """Errors of AWS as ours, without their text: it names buckets, keys and hosts."""
    from boto3.exceptions import Boto3Error
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code = _code(error)
        if code in _ABSENT:
            raise no_such_file() from None
        if code in _REFUSED:
            raise Misconfigured(
                "The file storage refuses us: look at the bucket's name and the function's role.",
                code="storage_refused",
            ) from None
        raise _unavailable() from None
    except (BotoCoreError, Boto3Error):
        raise _unavailable() from None


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _unavailable() -> Unavailable:
    return Unavailable("The file storage is not reachable. Try again in a moment.", code="storage")
