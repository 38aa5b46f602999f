"""All simulators behind one address: the page, further simulators, and never in production."""

import re

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from infra.simulators.recorder import Recorder
from infra.simulators.running import Running
from infra.simulators.serve import mount


@pytest.mark.parametrize(
    "make", [lambda: mount([]), lambda: Recorder(Starlette()), lambda: Running(Starlette())]
)
def test_refused_in_production(monkeypatch, make):
    monkeypatch.setenv("LEADSRALLY_ENV", "production")
    with pytest.raises(RuntimeError, match="production"):
        make()


@pytest.mark.parametrize("name", ["phones", "mailbox"])
def test_a_page_brings_everything_with_it(house, name):
    page = house.http.get(f"/{name}")
    assert page.status_code == 200
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\son\w+=|\sstyle=|https?://", page.text)
    for file in re.findall(r'(?:href|src)="([^"]+)"', page.text):
        found = house.http.get(f"/{file}")
        assert found.status_code == 200
        assert not re.search(r"https?://", found.text)
    assert house.http.get("/serve.py").status_code == 404


def test_others_join():
    async def hello(_):
        return PlainTextResponse("hello")

    other = Starlette(routes=[Route("/hi", hello)])
    with Running(mount([], others={"meta": other}, base_path="/sim")) as server:
        assert httpx.get(f"{server.base_url}/sim/meta/hi", trust_env=False).text == "hello"


def test_a_server_that_cannot_start_says_so():
    async def broken(scope, receive, send):
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no"})

    with pytest.raises(RuntimeError, match="did not start"):
        Running(broken).start()


def test_stopping_twice_is_fine():
    server = Running(Starlette()).start()
    server.stop()
    server.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.base_url, trust_env=False)
