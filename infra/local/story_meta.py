"""The second part of `make story`: a thread on WhatsApp, and a lead where the demo has a page."""

import base64
import json
import random
import urllib.request
from typing import Any, Final
from uuid import uuid4

from infra.local.telling import Teller, fetch, so, step

# The smallest picture there is: one dot.
_PICTURE: Final = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
_YESTERDAY: Final = 25 * 3600  # seconds
_FIRST: Final = "Hi {{first_name|there}}, thanks for asking about a test ride! When would suit you?"


class MetaStory:
    """Played by an owner who has logged in (`teller`)."""

    def __init__(self, demo: dict[str, Any], teller: Teller) -> None:
        self._teller = teller
        self._channels: dict[str, dict[str, str]] = demo["channels"]
        self._meta: str = demo["simulators"]["meta"]
        self._phones = random.sample(range(10_000), 2)

    def play(self) -> None:
        conversation = self._somebody_writes()
        self._it_is_answered_inside_the_24_hours(conversation)
        self._a_picture_is_sent(conversation)
        self._templates_are_brought_up_to_date()
        self._the_24_hours_are_over()
        if "lead_ads" in self._channels:
            self._a_lead_comes_in(conversation)

    # -- the steps ------------------------------------------------------------------------------------------

    def _somebody_writes(self) -> dict[str, Any]:
        words = "Hi! Is the blue city bike in stock?"
        conversation = self._written(self._phone(0), words)
        newest = self._teller.thread(conversation)[0]
        so(
            (newest["body"], newest["status"]) == (words, "received"),
            "the message is not stored as it was sent",
        )
        step("A WhatsApp message comes in", f"{self._phone(0)}: {words}")
        step("… stored", f"contact {conversation['contact_id']}, conversation {conversation['id']}")
        return conversation

    def _it_is_answered_inside_the_24_hours(self, conversation: dict[str, Any]) -> None:
        words = "Hi {{first_name|there}}! It is. Shall we keep one for you?"
        _, told = self._teller.api("POST", self._of(conversation, "messages/preview"), {"body": words})
        so(told["window"]["open"], "WhatsApp's window is not open after a message")
        step(
            "What would be sent is shown first", f"«{told['body']}», free until {told['window']['closes_at']}"
        )
        sent = self._delivered(conversation, self._queued(conversation, "messages", {"body": words}))
        so(sent["body"] == told["body"], "something else was sent than was shown")
        so(
            any(bubble["body"] == told["body"] for bubble in self._on_phone(0)),
            "the phone does not show the reply",
        )
        step("The reply is delivered", f"{sent['status']}, allowed by «{sent['verdict']['rule']}»")

    def _a_picture_is_sent(self, conversation: dict[str, Any]) -> None:
        told = {"file_name": "blue.png", "content_type": "image/png", "bytes": len(_PICTURE)}
        status, upload = self._teller.api("POST", "/v1/uploads", told)
        so(status == 201, f"announcing a file was answered {status}: {upload}")
        put = upload["put"]
        with urllib.request.urlopen(
            urllib.request.Request(put["url"], data=_PICTURE, headers=put["headers"], method="PUT"),
            timeout=30,
        ) as answer:
            so(answer.status == 200, f"putting the file was answered {answer.status}")
        _, looked = self._teller.api("POST", f"/v1/uploads/{upload['id']}/look")
        so(looked["state"] == "stored", f"the file is {looked['state']}: {looked['reason']}")
        fits = ", ".join(one["channel"] for one in looked["fits"] if one["refusal"] is None)
        step("A picture is uploaded", f"{looked['bytes']} bytes, {looked['content_type']}, goes by {fits}")
        draft = {"body": "This one", "uploads": [upload["id"]]}
        sent = self._delivered(conversation, self._queued(conversation, "messages", draft))
        file = sent["media"][0]
        _, download = self._teller.api("GET", f"/v1/messages/{sent['id']}/media/{file['id']}")
        with urllib.request.urlopen(download["url"], timeout=30) as answer:
            so(answer.read() == _PICTURE, "the thread's file is not the one that was uploaded")
        so(any(bubble["kind"] == "image" for bubble in self._on_phone(0)), "the phone shows no picture")
        step("… and sent", f"{sent['status']}, kept as {download['file_name']} with its message")

    def _templates_are_brought_up_to_date(self) -> None:
        _, page = self._teller.api("GET", "/v1/channels?limit=100")
        channel = next(one for one in page["items"] if one["kind"] == "whatsapp")
        status, _ = self._teller.api("POST", f"/v1/templates/sync/{channel['id']}")
        so(status == 202, f"asking for templates was answered {status}")

        def approved() -> list[str]:
            _, found = self._teller.api("GET", "/v1/templates?state=approved")
            return sorted({one["name"] for one in found["items"]})

        names = self._teller.until(approved, "no approved template came within the time")
        step("Templates are synced", ", ".join(names))

    def _the_24_hours_are_over(self) -> None:
        conversation = self._written(self._phone(1), "Can I collect it tomorrow?", ago=_YESTERDAY)
        status, refused = self._teller.api(
            "POST", self._of(conversation, "messages"), {"body": "Yes, you can!"}
        )
        so(
            (status, refused.get("code")) == (409, "window_closed"),
            f"free text was answered {status}: {refused}",
        )
        step("A day later free text is refused", refused["detail"])
        draft = {"name": "bike_ready", "body": {"1": "Ana", "2": "city bike", "3": "18:00"}}
        sent = self._delivered(conversation, self._queued(conversation, "templates", draft))
        so(any(bubble["kind"] == "template" for bubble in self._on_phone(1)), "the phone shows no template")
        step("A template goes instead", f"{sent['status']}: {sent['body']}")

    def _a_lead_comes_in(self, conversation: dict[str, Any]) -> None:
        _, stage = fetch(urllib.request.Request(f"{self._meta}/_sim/phones"))
        form = stage["forms"][0]
        self._answer_leads_of(form)
        name, email = "Ana Lima", f"ana.{uuid4().hex[:8]}@example.test"
        given = {"full_name": name, "email": email, "phone_number": self._phone(0)}
        asked = [question["key"] for question in form["questions"]]
        answers = {key: given.get(key, "Yes") for key in asked}
        status, _ = self._order("leads", {"form_id": form["form_id"], "answers": answers})
        so(status < 300, f"the simulated form answered {status}")

        def fetched() -> dict[str, Any] | None:
            _, page = self._teller.api("GET", "/v1/leads?limit=100")
            for lead in page["items"]:
                _, whole = self._teller.api("GET", f"/v1/leads/{lead['id']}")
                values = [value for answer in whole["answers"] or [] for value in answer["values"]]
                if email in values and whole["first_message_id"]:
                    return whole
            return None

        lead = self._teller.until(fetched, "the lead was not fetched and answered within the time")
        so(lead["state"] == "fetched", f"the lead is {lead['state']}")
        step(
            "Somebody fills in a lead form",
            f"{form['name']}: {len(lead['answers'])} answers, found by {lead['found_by']}",
        )
        so(
            lead["contact_id"] == conversation["contact_id"],
            "the lead is not with the person who wrote before",
        )
        step("… stored with the same person", f"lead {lead['lead_id']}, contact {lead['contact_id']}")
        self._the_lead_is_answered(lead)

    def _answer_leads_of(self, form: dict[str, Any]) -> None:
        _, page = self._teller.api("GET", "/v1/channels?limit=100")
        numbers = {one["kind"]: one["id"] for one in page["items"]}
        path = f"/v1/channels/{numbers['lead_ads']}/forms"

        def synced() -> dict[str, Any] | None:
            _, found = self._teller.api("GET", path)
            return next((one for one in found["items"] if one["form_id"] == form["form_id"]), None)

        ours = self._teller.until(synced, "the form was not read from Meta within the time")
        first = {"channel_id": numbers["sms"], "text": _FIRST}
        status, told = self._teller.edit(f"{path}/{ours['id']}", {"first_message": first})
        so(status == 200, f"setting a form's first message was answered {status}: {told}")

    def _the_lead_is_answered(self, lead: dict[str, Any]) -> None:
        """The gate lets it go by day, and has it wait at night."""

        def decided() -> dict[str, Any] | None:
            _, why = self._teller.api("GET", f"/v1/messages/{lead['first_message_id']}/why")
            return why if why.get("verdict") else None

        why = self._teller.until(decided, "the gate said nothing of the first message within the time")
        step("… and answered at once, by SMS", f"{why['status']}, by the rule «{why['verdict']['rule']}»")

    # -- reaching the parts -----------------------------------------------------------------------------------

    def _phone(self, which: int) -> str:
        return f"+1202555{self._phones[which]:04d}"

    def _written(self, phone: str, words: str, **how: Any) -> dict[str, Any]:
        to = self._channels["whatsapp"]["phone_number_id"]
        status, told = self._order(
            f"phones/{phone}/message",
            {"to": to, "type": "text", "text": {"body": words}, "body": words, **how},
        )
        so(status < 300 and told["answer"]["status"] == 200, f"the webhook answered {told}")

        def found() -> dict[str, Any] | None:
            _, page = self._teller.api("GET", "/v1/conversations?limit=100")
            return next(
                (one for one in page["items"] if (one["phone"], one["channel"]) == (phone, "whatsapp")), None
            )

        return self._teller.until(found, f"there is no conversation with {phone}")

    def _of(self, conversation: dict[str, Any], what: str) -> str:
        return f"/v1/conversations/{conversation['id']}/{what}"

    def _queued(self, conversation: dict[str, Any], way: str, draft: dict[str, Any]) -> str:
        status, queued = self._teller.api(
            "POST", self._of(conversation, way), draft, {"Idempotency-Key": str(uuid4())}
        )
        so(status == 202, f"queueing was answered {status}: {queued}")
        return queued["id"]

    def _delivered(self, conversation: dict[str, Any], message_id: str) -> dict[str, Any]:
        def delivered() -> dict[str, Any] | None:
            sent = next(one for one in self._teller.thread(conversation) if one["id"] == message_id)
            so(sent["status"] not in ("refused", "failed"), f"it was {sent['status']}: {sent['verdict']}")
            return sent if sent["status"] in ("delivered", "read") else None

        return self._teller.until(delivered, "it was not delivered within the time")

    def _on_phone(self, which: int) -> list[dict[str, Any]]:
        _, stage = fetch(urllib.request.Request(f"{self._meta}/_sim/phones"))
        return [
            bubble
            for phone in stage["phones"]
            if phone["number"] == self._phone(which)
            for bubble in phone["messages"]
            if bubble["direction"] == "to_phone"
        ]

    def _order(self, what: str, order: dict[str, Any]) -> tuple[int, Any]:
        return fetch(
            urllib.request.Request(
                f"{self._meta}/_sim/{what}",
                data=json.dumps(order).encode(),
                headers={"Content-Type": "application/json"},
            )
        )
