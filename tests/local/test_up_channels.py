"""`make up`, played over HTTP: connect a number, point it at us, buy another, change the token, start again.

And the WhatsApp number that it begins with, which is well until its token is taken back.
"""

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import httpx
import pytest

from infra.local import demo_meta
from tests.local.test_up import end, folder, port, start

__all__ = ["folder", "port"]
_PATIENCE = 20.0
_ENDED = ("done", "failed")


class Played:
    """Somebody who logs in, presses buttons and looks what came of it."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.demo = json.loads((folder / ".leadsrally" / "demo.json").read_text())
        self.http = httpx.Client(base_url=self.demo["base_url"], trust_env=False, timeout=20)
        token = self.http.post("/v1/auth/login", json=self.demo["owner"]).json()["access_token"]
        self.http.headers["authorization"] = f"Bearer {token}"

    def ask(self, path: str, body: Any = None) -> dict[str, Any]:
        """Ask for a task, and wait for its end."""
        answer = self.http.post(f"/v1/channels{path}", json=body)
        assert answer.status_code == 202, answer.text
        return self.ended(answer.json()["id"])

    def ended(self, task_id: str) -> dict[str, Any]:
        return self.until(lambda: self.http.get(f"/v1/channels/tasks/{task_id}").json(), "state", _ENDED)

    def until(self, look: Any, field: str, wanted: tuple[Any, ...]) -> dict[str, Any]:
        deadline = monotonic() + _PATIENCE
        while (seen := look())[field] not in wanted:
            assert monotonic() < deadline, seen
            sleep(0.05)
        return seen

    def simulator(self, path: str, body: Any = None) -> Any:
        answer = self.http.post(f"{self.demo['simulators']['twilio']}/_sim{path}", json=body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def text(self, number: str) -> int:
        """A phone texts one of our numbers; what our webhook answered."""
        sent = self.simulator(f"/phones/{self.demo['phones'][0]}/text", {"to": number, "body": "Hello"})
        return sent["status"]

    def channel(self, number: str | None) -> dict[str, Any]:
        (found,) = [it for it in self.http.get("/v1/channels").json()["items"] if it["number"] == number]
        return found

    def leave(self, number: signal.Signals) -> None:
        self.http.close()
        end(self.process, number)


@pytest.fixture
def played(folder: Path, port: int) -> Iterator[list[Played]]:
    """The one who plays; a second is added after a new start."""
    everyone = [Played(folder, start(folder, port))]
    yield everyone
    everyone[-1].leave(signal.SIGTERM)


def webhook_of(channel: dict[str, Any]) -> str:
    return {check["check"]: check["state"] for check in channel["checks"]}["webhook"]


def test_the_story_of_a_number(played: list[Played], folder: Path, port: int):
    one = played[0]
    twilio = one.demo["twilio"]
    spare = twilio["spare_number"]
    account = {"account_sid": twilio["account_sid"], "auth_token": twilio["auth_token"]}

    connected = one.http.post("/v1/channels", json={**account, "number": spare, "name": "Spare"})
    assert connected.status_code == 201, connected.text
    one.ended(connected.json()["test"]["id"])
    assert webhook_of(one.channel(spare)) == "failed", "nobody has pointed the number at us yet"

    spare_id = one.channel(spare)["id"]
    assert one.ask(f"/{spare_id}/configure")["state"] == "done"
    one.until(lambda: {"webhook": webhook_of(one.channel(spare))}, "webhook", ("passed",))
    assert one.text(spare) == 200

    using = {"channel_id": spare_id}
    found = one.ask("/number-searches", {"using": using, "country": "US", "area_code": "415"})
    wanted = found["numbers"][0]["number"]
    bought = one.ask("/number-purchases", {"using": using, "number": wanted})
    assert bought["state"] == "done", bought
    one.until(lambda: {"checks": one.channel(wanted)["checks"] is not None}, "checks", (True,))
    assert one.text(wanted) == 200

    secondary = one.simulator(f"/accounts/{twilio['account_sid']}/secondary-token")
    replaced = one.ask(f"/{spare_id}/credentials", {"auth_token": secondary["secondary_auth_token"]})
    assert replaced["state"] == "done", replaced
    assert one.text(spare) == 200, "signed with the old token still"
    one.simulator(f"/accounts/{twilio['account_sid']}/promote")
    assert one.text(wanted) == 200, "signed with the new one"

    one.until(lambda: {"tested": one.channel(None)["checks"] is not None}, "tested", (True,))
    assert {check["state"] for check in one.channel(None)["checks"]} == {"passed"}
    number = one.channel(demo_meta.NUMBER)
    well = one.until(lambda: one.channel(demo_meta.NUMBER), "health", ("available",))
    assert {check["check"]: check["state"] for check in well["checks"] if check["state"] != "passed"} == {}
    assert (well["trouble"], well["quality"]) == (None, "green")
    assert well["challenged_at"] is not None
    order = {"token": {"revoked": True}}
    assert one.http.post(f"{one.demo['simulators']['meta']}/_sim/accounts", json=order).status_code == 200
    assert one.ask(f"/{number['id']}/test")["checks"][1]["trouble"]["code"] == "190"
    assert one.channel(demo_meta.NUMBER)["trouble"]["code"] == "190"

    one.leave(signal.SIGKILL)
    played.append(Played(folder, start(folder, port)))
    again = played[-1]
    assert again.text(wanted) == 200
    assert again.ask(f"/{spare_id}/test")["state"] == "done"
    assert webhook_of(again.channel(spare)) == "passed"
    released = again.ask(f"/{again.channel(wanted)['id']}/release", {"confirm": wanted})
    assert released["state"] == "done", released
    assert again.channel(wanted)["state"] == "disconnected"
