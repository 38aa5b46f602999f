"""O3 at Meta: first where the file is, then the file, both with the token and at Meta's own hosts only."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.simulators.meta.accounts import MetaApp, Token
from infra.simulators.meta.app import MetaSimulator
from infra.simulators.meta.media import Media
from infra.simulators.running import Running
from leadsrally.kit.errors import Forbidden, LeadsRallyError, NotFound, Unavailable
from leadsrally.providers.meta.credentials import MetaCredentials
from leadsrally.providers.meta.media import MetaMedia
from tests.providers.servers import Elsewhere, elsewhere

TOKEN, SECRET = "EAAcanary", "app-secret"
ID = "1013859600285441"
GRAPH = f"graph.facebook.com/v26.0/{ID}"
KEPT = "lookaside.fbsbx.com/whatsapp_business/attachments/"
PICTURE = b"\xff\xd8\xff" + b"x" * 100_000
ANSWER = {
    "url": f"https://{KEPT}?mid={ID}&ext=1728904986&hash=ATta",
    "mime_type": "image/jpeg",
    "sha256": hashlib.sha256(PICTURE).hexdigest(),
    "file_size": len(PICTURE),
    "id": ID,
    "messaging_product": "whatsapp",
}


@pytest.fixture
def servers() -> Iterator[Elsewhere]:
    with elsewhere() as made:
        made.answers = {GRAPH: said(ANSWER), KEPT: (200, {"content-type": "image/jpeg"}, PICTURE)}
        yield made


def said(body: Any, status: int = 200) -> tuple[int, dict[str, str], bytes]:
    return status, {"content-type": "application/json"}, json.dumps(body).encode()


def fetch(servers: Elsewhere, media_id: str = ID) -> bytes:
    credentials = MetaCredentials((SECRET, "older"), "verify", TOKEN)
    with MetaMedia(credentials, connect=servers.connect).open(media_id) as incoming:
        return b"".join(incoming.chunks)


def test_asks_where_it_is_and_then_for_it(servers: Elsewhere) -> None:
    assert fetch(servers) == PICTURE
    where, what = servers.asked
    proof = hmac.new(SECRET.encode(), TOKEN.encode(), "sha256").hexdigest()
    assert (where.host, where.target) == ("graph.facebook.com", f"/v26.0/{ID}?appsecret_proof={proof}")
    assert what.target == f"/whatsapp_business/attachments/?mid={ID}&ext=1728904986&hash=ATta"
    assert where.headers["authorization"] == what.headers["authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("media_id", ["", "x", "../me", "1/2", "1?fields=x", "1" * 33, "\u0661", "me"])
def test_O3_an_id_that_is_none(servers: Elsewhere, media_id: str) -> None:
    with pytest.raises(Forbidden):
        fetch(servers, media_id)
    assert servers.connected == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.test/whatsapp_business/attachments/",
        "http://lookaside.fbsbx.com/whatsapp_business/attachments/",
        "https://lookaside.fbsbx.com/elsewhere",
        "https://lookaside.fbsbx.com.evil.test/whatsapp_business/attachments/",
        "https://graph.facebook.com/v26.0/me",
        "https://169.254.169.254/whatsapp_business/attachments/",
    ],
)
def test_O3_the_token_goes_to_metas_file_server_only(servers: Elsewhere, url: str) -> None:
    servers.answers[GRAPH] = said({**ANSWER, "url": url})
    with pytest.raises(Forbidden):
        fetch(servers)
    assert servers.connected == ["graph.facebook.com"]


def test_O3_no_redirect_is_followed(servers: Elsewhere) -> None:
    servers.answers[KEPT] = (302, {"location": f"https://{KEPT}2"}, b"")
    with pytest.raises(Forbidden):
        fetch(servers)


def error(code: int, subcode: int | None = None) -> dict[str, Any]:
    return {
        "error": {"message": "canary", "type": "x", "code": code, "error_subcode": subcode, "fbtrace_id": "y"}
    }


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (said(error(100, 33), 400), NotFound, "missing"),
        (said(error(100, 33), 404), NotFound, "missing"),
        (said(error(100), 400), Unavailable, "not_given"),
        (said(error(190), 400), Unavailable, "credentials_refused"),
        (said(error(10), 403), Unavailable, "credentials_refused"),
        (said({"error": {"code": "190"}}, 400), Unavailable, "not_given"),
        (said(error(190), 401), Unavailable, "credentials_refused"),
        (said(error(4), 429), Unavailable, "not_given"),
        (said(error(1), 500), Unavailable, "not_given"),
        (said({}), Unavailable, "not_given"),
        (said({"url": 7}), Unavailable, "not_given"),
        (said([]), Unavailable, "not_given"),
        (said({"error": "x"}, 400), Unavailable, "not_given"),
        ((200, {}, b"<html>"), Unavailable, "not_given"),
        ((200, {}, b"[" * 60_000), Unavailable, "not_given"),
        ((200, {}, b'{"url": "' + b"x" * 70_000 + b'"}'), Unavailable, "not_given"),
        (said({"error": {"code": [100]}}, 400), Unavailable, "not_given"),
        ((404, {}, b""), Unavailable, "not_given"),
        ((302, {"location": f"https://{GRAPH}2"}, b""), Forbidden, "elsewhere"),
    ],
)
def test_each_answer_has_its_meaning(
    servers: Elsewhere, answer: Any, kind: type[LeadsRallyError], code: str
) -> None:
    servers.answers[GRAPH] = answer
    with pytest.raises(LeadsRallyError) as refused:
        fetch(servers)
    assert (type(refused.value), refused.value.code) == (kind, code)
    assert "canary" not in str(refused.value)


def test_an_address_that_is_too_old_is_asked_for_again(servers: Elsewhere) -> None:
    """Good for minutes: the job comes again and gets a new one."""
    servers.answers[KEPT] = (404, {}, b"")
    with pytest.raises(NotFound):
        fetch(servers)


def test_a_simulator_is_asked_without_encryption(servers: Elsewhere) -> None:
    base = f"127.0.0.1:{servers.port}"
    servers.answers = {
        f"{base}/simulators/meta/v26.0/{ID}": said({**ANSWER, "url": f"http://{base}/simulators/files/{ID}"}),
        f"{base}/simulators/files/{ID}": (200, {"content-type": "image/jpeg"}, PICTURE),
    }
    credentials = MetaCredentials((SECRET,), "verify", TOKEN)
    media = MetaMedia(credentials, base_url=f"http://{base}/simulators/meta")
    with media.open(ID) as incoming:
        assert b"".join(incoming.chunks) == PICTURE
    assert repr(media) == "MetaMedia()"


class TestSimulated:
    @pytest.fixture
    def meta(self) -> Iterator[tuple[str, MetaSimulator]]:
        app = MetaApp("1", SECRET, [Token(TOKEN)], require_proof=True)
        simulator = MetaSimulator([app])
        with Running(simulator) as running:
            yield running.base_url, simulator

    def fetch(self, base_url: str, media_id: str, credentials: MetaCredentials) -> bytes:
        with MetaMedia(credentials, base_url=base_url).open(media_id) as incoming:
            return b"".join(incoming.chunks)

    def test_a_file_comes_by_its_id(self, meta: tuple[str, MetaSimulator]):
        base_url, simulator = meta
        kept = simulator.shelf.put(Media(PICTURE, "image/jpeg"))
        assert self.fetch(base_url, kept.id, MetaCredentials((SECRET,), "v", TOKEN)) == PICTURE

    def test_one_that_is_gone_and_one_that_may_not_be_asked_for(self, meta: tuple[str, MetaSimulator]):
        base_url, simulator = meta
        kept = simulator.shelf.put(Media(PICTURE, "image/jpeg"))
        with pytest.raises(NotFound):
            self.fetch(base_url, "999", MetaCredentials((SECRET,), "v", TOKEN))
        for credentials in (
            MetaCredentials((SECRET,), "v", "EAAwrong"),
            MetaCredentials(("another secret",), "v", TOKEN),
        ):
            with pytest.raises(Unavailable):
                self.fetch(base_url, kept.id, credentials)
