"""`make up`, played over HTTP: somebody fills in a lead form of the demo's page, and is a contact seconds later."""

import hmac
import json
import signal
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from tests.local.test_up import end, folder, port, start

__all__ = ["folder", "port"]
_PATIENCE = 20.0


@pytest.fixture
def demo(folder: Path, port: int) -> Iterator[dict[str, Any]]:
    process = start(folder, port)
    yield json.loads((folder / ".leadsrally" / "demo.json").read_text())
    end(process, signal.SIGTERM)


def test_the_story_of_a_lead(demo: dict[str, Any]):
    page = demo["channels"]["lead_ads"]
    assert {"key", "page_id", "app_secret", "verify_token"} <= page.keys()
    with httpx.Client(base_url=demo["base_url"], trust_env=False, timeout=20) as http:
        token = http.post("/v1/auth/login", json=demo["owner"]).json()["access_token"]
        http.headers["authorization"] = f"Bearer {token}"

        def lead(state: str) -> dict[str, Any]:
            deadline = monotonic() + _PATIENCE
            while not (found := http.get(f"/v1/leads?state={state}&limit=1").json()["items"]):
                assert monotonic() < deadline, http.get("/v1/leads").text
                sleep(0.05)
            return http.get(f"/v1/leads/{found[0]['id']}").json()

        def submit(**answers: str) -> None:
            order = {"form_id": page["form_ids"][0], "answers": answers}
            told = http.post(f"{demo['simulators']['meta']}/_sim/leads", json=order).json()
            assert told["answer"]["status"] == 200, told

        submit(full_name="Ana Lima", phone_number="(202) 555-0171", which_bike="city", how_old_are_you="34")
        ana = lead("fetched")
        assert ana["contact_id"]
        assert {one["key"]: one["target"] for one in ana["answers"]} == {
            "full_name": "name",
            "phone_number": "phone",
            "which_bike": None,
            "how_old_are_you": "age",
        }
        submit(full_name="A child", phone_number="+12025550172", how_old_are_you="15")
        assert lead("refused_age")["answers"] is None

        # What a script signs with the page's secret is let in, and nothing else.
        change = {
            "field": "leadgen",
            "value": {"leadgen_id": "1", "page_id": page["page_id"], "form_id": "2"},
        }
        body = json.dumps(
            {"object": "page", "entry": [{"id": page["page_id"], "changes": [change]}]}
        ).encode()
        signed = "sha256=" + hmac.digest(page["app_secret"].encode(), body, "sha256").hex()
        for signature, status in ((signed, 200), ("sha256=" + "0" * 64, 403)):
            headers = {"content-type": "application/json", "x-hub-signature-256": signature}
            answer = http.post(f"/webhooks/meta/{page['key']}", content=body, headers=headers)
            assert answer.status_code == status
        assert lead("failed")["trouble"]["code"] == "100"
