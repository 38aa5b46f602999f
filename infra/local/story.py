"""`make story`: plays the main job against a running `make up` and prints each step with what was stored.

Every line is read back from the API, the simulators or the database; the first step that is not so ends
the story with exit code 1.
"""

import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from infra.local.production import installation
from infra.local.secrets import HOME
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured
from leadsrally.privacy.sweep import sweep_delivery_log

_PATIENCE_SECONDS = 30.0


class StoryBroken(Exception):
    """A step was not so."""


def tell() -> int:
    """Play it; 0 when every step was so, 1 when one was not. Raises `Misconfigured` when nothing runs."""
    demo_file = HOME / "demo.json"
    if not demo_file.exists():
        raise Misconfigured("Start LeadsRally first: make up")
    story = _Story(json.loads(demo_file.read_text(encoding="utf-8")))
    try:
        story.play()
    except StoryBroken as broken:
        print(f"  ✗ {broken}")
        return 1
    print("\nThe story holds.")
    return 0


class _Story:
    def __init__(self, demo: dict[str, Any]) -> None:
        self._demo = demo
        self._base: str = demo["base_url"]
        self._sms: dict[str, str] = demo["channels"]["sms"]
        self._twilio: str = demo["simulators"]["twilio"]
        # A phone that nobody has used, so that the story can be told again.
        self._phone = f"+1202555{random.randint(0, 9999):04d}"
        self._token: str | None = None

    def play(self) -> None:
        self._log_in()
        conversation = self._a_text_comes_in()
        suggestion = self._it_is_scored(conversation)
        self._it_is_answered(conversation, suggestion)
        self._the_same_text_again(conversation)
        self._a_forged_text_is_refused()
        self._stop_is_obeyed(conversation)
        self._the_log_has_it_all()
        self._an_old_log_is_swept()

    # -- the steps ------------------------------------------------------------------------------------------

    def _log_in(self) -> None:
        status, token = self._api("POST", "/v1/auth/login", self._demo["owner"])
        _so(status == 200, f"log-in answered {status}")
        self._token = token["access_token"]
        _, me = self._api("GET", "/v1/me")
        _step("The owner logs in", f"{me['role']} of {me['organization']['name']}")

    def _a_text_comes_in(self) -> dict[str, Any]:
        words = "Hi! How much is the blue city bike, and can I try it on Saturday?"
        status, answer = self._text(words)
        _so(status < 300 and answer.get("status") == 200, f"the webhook answered {answer}")
        conversation = self._conversation()
        newest = self._thread(conversation)[0]
        _so(
            newest["body"] == words and newest["status"] == "received",
            "the text is not stored as it was sent",
        )
        _step("A signed text comes in", f"{self._phone}: {words}")
        _step("… stored", f"contact {conversation['contact_id']}, conversation {conversation['id']}")
        return conversation

    def _it_is_scored(self, conversation: dict[str, Any]) -> str:
        score = self._until(
            lambda: self._thread(conversation)[0]["score"], "the text was not scored within the time"
        )
        _so(score["outcome"] == "scored", f"the score is {score['outcome']}")
        _step("The model scores it", f"{score['intent']}, interest {score['interest']}: {score['reason']}")
        for suggestion in score["suggestions"]:
            _step("… and suggests", suggestion)
        _so(bool(score["suggestions"]), "there is no suggestion")
        return score["suggestions"][0]

    def _it_is_answered(self, conversation: dict[str, Any], suggestion: str) -> None:
        path = f"/v1/conversations/{conversation['id']}/messages"
        status, queued = self._api("POST", path, {"body": suggestion}, {"Idempotency-Key": str(uuid4())})
        _so(status == 202, f"the reply was answered {status}: {queued}")

        def delivered() -> dict[str, Any] | None:
            sent = next(m for m in self._thread(conversation) if m["id"] == queued["id"])
            return sent if sent["status"] == "delivered" else None

        sent = self._until(delivered, "the reply was not delivered within the time")
        _so(suggestion in self._on_phone(), "the phone does not show the reply")
        _step(
            "A person sends the first suggestion", f"{sent['status']}, allowed by «{sent['verdict']['rule']}»"
        )

    def _the_same_text_again(self, conversation: dict[str, Any]) -> None:
        before = len(self._thread(conversation))
        sid = f"SM{uuid4().hex}"
        for _ in range(2):
            self._text("Are you still there?", sid)
        self._until(lambda: len(self._thread(conversation)) > before, "the text was not stored")
        _so(len(self._thread(conversation)) == before + 1, "a repeated delivery was stored twice")
        _step("Twilio delivers one text twice", "stored once")

    def _a_forged_text_is_refused(self) -> None:
        request = urllib.request.Request(
            f"{self._sms['webhook_base_url']}/webhooks/twilio/{self._sms['key']}/inbound",
            data=b"MessageSid=SM" + b"0" * 32 + b"&From=%2B12025550100&To=%2B15005550010&Body=STOP",
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": "Zm9yZ2Vk",
            },
        )
        status, _ = _fetch(request)
        _so(status == 403, f"a forged text was answered {status}")
        _step("A forged text is refused", f"{status}")

    def _stop_is_obeyed(self, conversation: dict[str, Any]) -> None:
        self._text("STOP")
        stopped = self._until(
            lambda: (found := self._conversation())["consent_state"] == "revoked" and found,
            "the STOP was not recorded",
        )
        _step("STOP", f"consent {stopped['consent_state']} by {stopped['consent_source']}")
        path = f"/v1/conversations/{conversation['id']}/messages"
        status, queued = self._api("POST", path, {"body": "One last offer!"})
        _so(status == 202, f"queueing was answered {status}")

        def refused() -> dict[str, Any] | None:
            message = next(m for m in self._thread(conversation) if m["id"] == queued["id"])
            return message if message["status"] != "queued" else None

        message = self._until(refused, "the gate did not decide within the time")
        _so(message["status"] == "refused", f"the message after STOP is {message['status']}")
        _so("One last offer!" not in self._on_phone(), "the phone shows a message after STOP")
        _step("The next message is refused", f"by «{message['verdict']['rule']}»")

    def _the_log_has_it_all(self) -> None:
        _, page = self._api("GET", "/v1/webhook-deliveries?limit=100")
        outcomes = {entry["outcome"] for entry in page["items"]}
        _so({"stored", "duplicate", "refused", "applied"} <= outcomes, f"the delivery log shows {outcomes}")
        _step("The delivery log shows every call", ", ".join(sorted(outcomes)))

    def _an_old_log_is_swept(self) -> None:
        old = datetime.now(UTC) - timedelta(days=95)
        with psycopg.connect(self._demo["database_url"]) as administrator:
            administrator.execute("SELECT delivery_log_make_day(%s)", (old.date(),))
            administrator.execute(
                """INSERT INTO delivery_log (received_at, id, provider, kind, outcome, http_status, bytes, request_id)
                   VALUES (%s, %s, 'twilio', 'inbound', 'refused', 403, 0, 'story')""",
                (old, uuid4()),
            )
        db = Database(installation().role_url("leadsrally_retention_sweep"))
        run = sweep_delivery_log(db, system_clock, dry_run=False, time_left=lambda: timedelta(minutes=5))
        db.close()
        _so(run.due_before >= 1 and run.due_after == 0, f"due before {run.due_before}, after {run.due_after}")
        _step("A log row of 95 days ago is swept", f"due before {run.due_before}, due after {run.due_after}")

    # -- reaching the parts -----------------------------------------------------------------------------------

    def _text(self, words: str, sid: str | None = None) -> tuple[int, Any]:
        body = {"to": self._sms["number"], "body": words, **({"message_sid": sid} if sid else {})}
        return _fetch(
            urllib.request.Request(
                f"{self._twilio}/_sim/phones/{self._phone}/text",
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
        )

    def _on_phone(self) -> str:
        _, phones = _fetch(urllib.request.Request(f"{self._twilio}/_sim/phones"))
        return json.dumps(
            [phone for phone in phones["phones"] if phone["number"] == self._phone], ensure_ascii=False
        )

    def _conversation(self) -> dict[str, Any]:
        _, page = self._api("GET", "/v1/conversations?limit=100")
        found = [item for item in page["items"] if item["phone"] == self._phone]
        _so(len(found) == 1, f"there are {len(found)} conversations with {self._phone}")
        return found[0]

    def _thread(self, conversation: dict[str, Any]) -> list[dict[str, Any]]:
        _, page = self._api("GET", f"/v1/conversations/{conversation['id']}/messages")
        return page["items"]

    def _api(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[int, Any]:
        sent = {"Content-Type": "application/json", **(headers or {})}
        if self._token:
            sent["Authorization"] = f"Bearer {self._token}"
        data = None if body is None else json.dumps(body).encode()
        return _fetch(urllib.request.Request(f"{self._base}{path}", data=data, headers=sent, method=method))

    def _until(self, look: Callable[[], Any], otherwise: str) -> Any:
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline:
            found = look()
            if found:
                return found
            time.sleep(0.1)
        raise StoryBroken(otherwise)


def _fetch(request: urllib.request.Request) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            raw = response.read()
            return response.status, json.loads(raw) if raw else None
    except urllib.error.HTTPError as error:
        raw = error.read()
        return error.code, json.loads(raw) if raw else None
    except urllib.error.URLError:
        raise Misconfigured("Nothing answers at the address in .leadsrally/demo.json. Run: make up") from None


def _so(holds: bool, otherwise: str) -> None:
    if not holds:
        raise StoryBroken(otherwise)


def _step(what: str, stored: str) -> None:
    print(f"  ✓ {what.ljust(38)} {stored}")
