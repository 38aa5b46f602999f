"""The one-process host gives the front end as a content delivery network would, and no more than that."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from infra.local.functions import load
from infra.local.host import Host
from infra.local.site import NOT_BUILT, Site, headers, policy
from infra.simulators.running import Running

SCRIPT = b"export const words = 'the same words, again and again'\n" * 40


@pytest.fixture
def built(tmp_path: Path) -> Path:
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "app-1a2b.js").write_bytes(SCRIPT)
    (tmp_path / "index.html").write_text("<!doctype html><title>LeadsRally</title>")
    (tmp_path / "icon.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    return tmp_path


@pytest.fixture
def http(built: Path) -> Iterator[httpx.Client]:
    host = Host(load(), threads=1, site=Site(built, {}))
    with Running(host) as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        yield client
    host.close()


@pytest.mark.parametrize(
    "path", ["/", "/inbox", "/inbox/0192b2b2-0000-7000-8000-000000000000", "/settings/members"]
)
def test_every_page_of_the_app_is_the_index(http: httpx.Client, path: str):
    got = http.get(path)
    assert (got.status_code, got.text) == (200, "<!doctype html><title>LeadsRally</title>")
    assert got.headers["cache-control"] == "no-cache"
    assert got.headers["content-type"] == "text/html; charset=utf-8"


def test_what_has_its_content_in_its_name_is_kept_for_ever(http: httpx.Client):
    got = http.get("/assets/app-1a2b.js")
    assert (got.content, got.headers["content-encoding"]) == (SCRIPT, "gzip")
    assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert got.headers["content-type"] == "text/javascript; charset=utf-8"
    plain = http.get("/assets/app-1a2b.js", headers={"accept-encoding": "identity"})
    assert (plain.content, "content-encoding" in plain.headers) == (SCRIPT, False)


@pytest.mark.parametrize("path", ["/", "/assets/app-1a2b.js", "/icon.svg"])
def test_what_has_not_changed_is_not_sent_again(http: httpx.Client, path: str):
    tag = http.get(path).headers["etag"]
    again = http.get(path, headers={"if-none-match": f"W/{tag}"})
    assert (again.status_code, again.content) == (304, b"")
    head = http.head(path)
    assert (head.status_code, head.content, int(head.headers["content-length"]) > 0) == (200, b"", True)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/app-0000.js",
        "/robots.txt",
        "/../pyproject.toml",
        "/%2e%2e/pyproject.toml",
        "/webhooks/x",
        "/files/x",
    ],
)
def test_what_is_not_there_is_no_page(http: httpx.Client, path: str):
    assert http.get(path).status_code == 404


def test_functions_answer_first(http: httpx.Client):
    assert http.get("/webhooks/meta/nobody").headers["content-type"] != "text/html; charset=utf-8"
    assert http.post("/inbox").status_code == 404


def test_everything_carries_the_headers_that_hold_a_page_in(http: httpx.Client):
    for path in ("/", "/inbox", "/assets/app-1a2b.js", "/icon.svg"):
        assert headers(encrypted=False).items() <= dict(http.get(path).headers).items(), path


def test_the_policy_allows_nothing_inline_and_nothing_foreign():
    sources = {directive.partition(" ")[0]: directive.partition(" ")[2] for directive in policy().split("; ")}
    assert sources.pop("default-src") == "'none'"
    assert not any(word in policy() for word in ("unsafe", "data:", "blob:", "*", "http"))
    assert (
        sources["script-src"]
        == sources["style-src"]
        == sources["connect-src"]
        == sources["img-src"]
        == "'self'"
    )


def test_pictures_may_come_from_the_bucket_that_holds_them(built: Path):
    site = Site(built, {"LEADSRALLY_BUCKET": "files", "AWS_REGION": "eu-west-1"})
    host = Host([], threads=1, site=site)
    with Running(host) as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        told = client.get("/").headers["content-security-policy"]
        assert "img-src 'self' https://files.s3.eu-west-1.amazonaws.com;" in told
    host.close()


def test_people_are_sent_to_the_address_that_their_sessions_belong_to(built: Path):
    host = Host([], threads=1, site=Site(built, {"LEADSRALLY_APP_URL": "https://app.example.com"}))
    with Running(host) as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        elsewhere = client.get("/inbox")
        assert (elsewhere.status_code, elsewhere.headers["location"]) == (
            307,
            "https://app.example.com/inbox",
        )
        there = client.get("/inbox", headers={"host": "app.example.com"})
        assert (there.status_code, "max-age=" in there.headers["strict-transport-security"]) == (200, True)
    host.close()


def test_without_a_build_the_first_page_says_what_to_do(tmp_path: Path):
    host = Host([], threads=1, site=Site(tmp_path, {}))
    with Running(host) as running, httpx.Client(base_url=running.base_url, trust_env=False) as client:
        assert client.get("/").json()["detail"] == NOT_BUILT
        assert client.get("/inbox").status_code == 404
    host.close()
