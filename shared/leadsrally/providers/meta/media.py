"""Files of an inbound WhatsApp message: Meta is asked where a file is, and then for the file.

https://developers.facebook.com/documentation/business-messaging/whatsapp/business-phone-numbers/media/ (16 June
2026): the address is good for minutes and wants the same token; the id of an inbound file is good for seven days.
"""

import hmac
import json
import re
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, Final, cast
from urllib.parse import urlsplit

from leadsrally.kit.download import Connect, Incoming, Place, download, elsewhere, plainly
from leadsrally.kit.errors import NotFound, Unavailable
from leadsrally.providers.meta.credentials import MetaCredentials

GRAPH: Final = "https://graph.facebook.com"
VERSION: Final = "v26.0"
SECONDS: Final = 120.0  # for a whole file
_ID: Final = re.compile(r"[0-9]{1,32}", re.ASCII)
_LONGEST_ANSWER: Final = 65_536
_ASKING: Final = 20.0
# "Unsupported get request": there is no such object, or no longer, or not for this token.
_NO_SUCH_OBJECT: Final = (100, 33)
# The token has ended, or may not read this business's messages. Codes, not statuses: those vary.
# https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
_NOT_LET_IN: Final = frozenset({0, 3, 10, 190, *range(200, 300)})


class MetaMedia:
    """`leadsrally.messaging.types.MediaSource` for one WhatsApp business account."""

    def __init__(
        self,
        credentials: MetaCredentials,
        *,
        base_url: str | None = None,
        connect: Connect | None = None,
    ) -> None:
        """`base_url` replaces `GRAPH`, for a simulator: it is asked without encryption, and keeps the files too."""
        self._headers = {"authorization": f"Bearer {credentials.access_token}"}
        # https://developers.facebook.com/docs/graph-api/guides/secure-requests
        proof = hmac.digest(credentials.app_secrets[0].encode(), credentials.access_token.encode(), "sha256")
        self._proof = f"?appsecret_proof={proof.hex()}"
        self._graph = f"{(base_url or GRAPH).rstrip('/')}/{VERSION}"
        self._connect = connect or (plainly if base_url is not None else None)
        graph = urlsplit(self._graph)
        origin = re.compile(re.escape(f"{graph.scheme}://{graph.netloc}"))
        self._asked = Place(origin, re.compile(re.escape(graph.path) + r"/[0-9]{1,32}", re.ASCII))
        self._kept = (
            Place(
                re.compile(r"https://lookaside\.fbsbx\.com"),
                re.compile(r"/whatsapp_business/attachments(/[\w.-]*)*", re.ASCII),
            )
            if base_url is None
            else Place(origin, re.compile(r"(/[\w.-]*)+", re.ASCII))
        )

    def __repr__(self) -> str:
        return "MetaMedia()"

    @contextmanager
    def open(self, source: str) -> Generator[Incoming]:
        """The file with one of this account's media ids. Raises as `download` does."""
        address = self._where(source)
        with download(
            address, first=[self._kept], headers=self._headers, seconds=SECONDS, connect=self._connect
        ) as file:
            yield file

    def _where(self, media_id: str) -> str:
        if not _ID.fullmatch(media_id):
            raise elsewhere()
        with download(
            f"{self._graph}/{media_id}{self._proof}",
            first=[self._asked],
            headers=self._headers,
            seconds=_ASKING,
            accept=range(200, 600),
            connect=self._connect,
        ) as answer:
            said = _read(answer)
        url = said.get("url")
        if answer.status == 200 and isinstance(url, str):
            return url
        error = said.get("error")
        told = cast("dict[str, Any]", error) if isinstance(error, dict) else {}
        code = told.get("code")
        if (code, told.get("error_subcode")) == _NO_SUCH_OBJECT:
            raise NotFound("The provider has no such file.", code="missing")
        if isinstance(code, int) and code in _NOT_LET_IN:
            raise Unavailable("Meta refuses the channel's credentials.", code="credentials_refused")
        raise Unavailable("Meta does not say where the file is.", code="not_given")


def _read(answer: Incoming) -> dict[str, Any]:
    """A short JSON object; empty for anything else."""
    body = b""
    for chunk in answer.chunks:
        body += chunk
        if len(body) > _LONGEST_ANSWER:
            return {}
    try:
        said = cast("object", json.loads(body))
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}
