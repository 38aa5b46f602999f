"""`make story`: plays the main job against a running `make up` and prints each step with what was stored.

Every line is read back from the API, the simulators or the database; the first step that is not so ends
the story with exit code 1.
"""

import json
import random
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import psycopg

from infra.local.production import installation
from infra.local.secrets import HOME
from infra.local.story_meta import MetaStory
from infra.local.telling import StoryBroken, Teller, fetch, so, step
from leadsrally.kit.clock import system_clock
from leadsrally.kit.db import Database
from leadsrally.kit.errors import Misconfigured
from leadsrally.privacy.sweep import sweep_delivery_log


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
        self._teller = Teller(demo["base_url"])
        self._sms: dict[str, str] = demo["channels"]["sms"]
        self._twilio: str = demo["simulators"]["twilio"]
        # A phone that nobody has used, so that the story can be told again.
        self._phone = f"+1202555{random.randint(0, 9999):04d}"

    def play(self) -> None:
        self._log_in()
        conversation = self._a_text_comes_in()
        suggestion = self._it_is_scored(conversation)
        self._it_is_answered(conversation, suggestion)
        self._the_same_text_again(conversation)
        self._a_forged_text_is_refused()
        self._stop_is_obeyed(conversation)
        MetaStory(self._demo, self._teller).play()
        self._the_log_has_it_all()
        self._an_old_log_is_swept()

    # -- the steps ------------------------------------------------------------------------------------------

    def _log_in(self) -> None:
        status, token = self._teller.api("POST", "/v1/auth/login", self._demo["owner"])
        so(status == 200, f"log-in answered {status}")
        self._teller.token = token["access_token"]
        _, me = self._teller.api("GET", "/v1/me")
        step("The owner logs in", f"{me['role']} of {me['organization']['name']}")

    def _a_text_comes_in(self) -> dict[str, Any]:
        words = "Hi! How much is the blue city bike, and can I try it on Saturday?"
        status, answer = self._text(words)
        so(status < 300 and answer.get("status") == 200, f"the webhook answered {answer}")
        conversation = self._conversation()
        newest = self._teller.thread(conversation)[0]
        so(
            newest["body"] == words and newest["status"] == "received",
            "the text is not stored as it was sent",
        )
        step("A signed text comes in", f"{self._phone}: {words}")
        step("… stored", f"contact {conversation['contact_id']}, conversation {conversation['id']}")
        return conversation

    def _it_is_scored(self, conversation: dict[str, Any]) -> str:
        score = self._teller.until(
            lambda: self._teller.thread(conversation)[0]["score"], "the text was not scored within the time"
        )
        so(score["outcome"] == "scored", f"the score is {score['outcome']}")
        step("The model scores it", f"{score['intent']}, interest {score['interest']}: {score['reason']}")
        for suggestion in score["suggestions"]:
            step("… and suggests", suggestion)
        so(bool(score["suggestions"]), "there is no suggestion")
        return score["suggestions"][0]

    def _it_is_answered(self, conversation: dict[str, Any], suggestion: str) -> None:
        path = f"/v1/conversations/{conversation['id']}/messages"
        status, queued = self._teller.api(
            "POST", path, {"body": suggestion}, {"Idempotency-Key": str(uuid4())}
        )
        so(status == 202, f"the reply was answered {status}: {queued}")

        def delivered() -> dict[str, Any] | None:
            sent = next(m for m in self._teller.thread(conversation) if m["id"] == queued["id"])
            return sent if sent["status"] == "delivered" else None

        sent = self._teller.until(delivered, "the reply was not delivered within the time")
        so(suggestion in self._on_phone(), "the phone does not show the reply")
        step(
            "A person sends the first suggestion", f"{sent['status']}, allowed by «{sent['verdict']['rule']}»"
        )

    def _the_same_text_again(self, conversation: dict[str, Any]) -> None:
        before = len(self._teller.thread(conversation))
        sid = f"SM{uuid4().hex}"
        for _ in range(2):
            self._text("Are you still there?", sid)
        self._teller.until(lambda: len(self._teller.thread(conversation)) > before, "the text was not stored")
        so(len(self._teller.thread(conversation)) == before + 1, "a repeated delivery was stored twice")
        step("Twilio delivers one text twice", "stored once")

    def _a_forged_text_is_refused(self) -> None:
        request = urllib.request.Request(
            f"{self._sms['webhook_base_url']}/webhooks/twilio/{self._sms['key']}/inbound",
            data=b"MessageSid=SM" + b"0" * 32 + b"&From=%2B12025550100&To=%2B15005550010&Body=STOP",
            headers={
                "Content-Type": "application/x-www-form-urlencoded",
                "X-Twilio-Signature": "Zm9yZ2Vk",
            },
        )
        status, _ = fetch(request)
        so(status == 403, f"a forged text was answered {status}")
        step("A forged text is refused", f"{status}")

    def _stop_is_obeyed(self, conversation: dict[str, Any]) -> None:
        self._text("STOP")
        stopped = self._teller.until(
            lambda: (found := self._conversation())["consent_state"] == "revoked" and found,
            "the STOP was not recorded",
        )
        step("STOP", f"consent {stopped['consent_state']} by {stopped['consent_source']}")
        path = f"/v1/conversations/{conversation['id']}/messages"
        status, queued = self._teller.api("POST", path, {"body": "One last offer!"})
        so(status == 202, f"queueing was answered {status}")

        def refused() -> dict[str, Any] | None:
            message = next(m for m in self._teller.thread(conversation) if m["id"] == queued["id"])
            return message if message["status"] != "queued" else None

        message = self._teller.until(refused, "the gate did not decide within the time")
        so(message["status"] == "refused", f"the message after STOP is {message['status']}")
        so("One last offer!" not in self._on_phone(), "the phone shows a message after STOP")
        step("The next message is refused", f"by «{message['verdict']['rule']}»")

    def _the_log_has_it_all(self) -> None:
        _, page = self._teller.api("GET", "/v1/webhook-deliveries?limit=100")
        outcomes = {entry["outcome"] for entry in page["items"]}
        so({"stored", "duplicate", "refused", "applied"} <= outcomes, f"the delivery log shows {outcomes}")
        step("The delivery log shows every call", ", ".join(sorted(outcomes)))

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
        so(run.due_before >= 1 and run.due_after == 0, f"due before {run.due_before}, after {run.due_after}")
        step("A log row of 95 days ago is swept", f"due before {run.due_before}, due after {run.due_after}")

    # -- reaching the parts -----------------------------------------------------------------------------------

    def _text(self, words: str, sid: str | None = None) -> tuple[int, Any]:
        body = {"to": self._sms["number"], "body": words, **({"message_sid": sid} if sid else {})}
        return fetch(
            urllib.request.Request(
                f"{self._twilio}/_sim/phones/{self._phone}/text",
                data=json.dumps(body).encode(),
                headers={"Content-Type": "application/json"},
            )
        )

    def _on_phone(self) -> str:
        _, phones = fetch(urllib.request.Request(f"{self._twilio}/_sim/phones"))
        return json.dumps(
            [phone for phone in phones["phones"] if phone["number"] == self._phone], ensure_ascii=False
        )

    def _conversation(self) -> dict[str, Any]:
        _, page = self._teller.api("GET", "/v1/conversations?limit=100")
        found = [item for item in page["items"] if item["phone"] == self._phone]
        so(len(found) == 1, f"there are {len(found)} conversations with {self._phone}")
        return found[0]
