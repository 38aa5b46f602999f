"""What happens around the browser: phones that text, and a mailbox."""

import json
import re
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from urllib.parse import quote

import httpx


class Stage:
    def __init__(self, demo: Path) -> None:
        self.demo: dict[str, Any] = json.loads(demo.read_text("utf-8"))
        self.home: str = self.demo["base_url"]
        self._http = httpx.Client(trust_env=False, timeout=20)
        self._phones = iter(range(1000, 9999))
        self._token: str | None = None
        self._agent: tuple[str, str] | None = None

    def close(self) -> None:
        self._http.close()

    def phone(self) -> str:
        """A number that nobody has used."""
        return f"+1202556{next(self._phones)}"

    def text(self, phone: str, body: str, *, to: str | None = None) -> None:
        """A phone texts one of our numbers, the demo organisation's unless another is named."""
        simulator = f"{self.demo['simulators']['twilio']}/_sim/phones"
        self._http.post(simulator, json={"number": phone})
        number = to or self.demo["channels"]["sms"]["number"]
        sent = self._http.post(f"{simulator}/{quote(phone)}/text", json={"to": number, "body": body})
        assert sent.json()["status"] == 200, sent.text

    def whatsapp(self, phone: str, name: str, body: str) -> None:
        """Somebody who calls themselves `name` writes to the demo organisation on WhatsApp."""
        simulator = f"{self.demo['simulators']['meta']}/_sim/phones"
        self._http.post(simulator, json={"number": phone, "name": name})
        (number,) = self._http.get(simulator).json()["numbers"]
        order = {"to": number["number"], "type": "text", "body": body, "text": {"body": body}}
        sent = self._http.post(f"{simulator}/{quote(phone)}/message", json=order)
        assert sent.json()["answer"]["status"] == 200, sent.text

    def lead(self, **answers: str) -> None:
        """Somebody fills in a form of the demo organisation's page."""
        meta = self.demo["simulators"]["meta"]
        form, *_ = self._http.get(f"{meta}/_sim/phones").json()["forms"]
        sent = self._http.post(f"{meta}/_sim/leads", json={"form_id": form["form_id"], "answers": answers})
        assert sent.status_code == 200, sent.text

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """What the API answers the demo organisation's owner."""
        if self._token is None:
            owner = {**self.demo["owner"], "session": "client"}
            self._token = self._http.post(f"{self.home}/v1/auth/login", json=owner).json()["access_token"]
        headers = {"authorization": f"Bearer {self._token}"}
        answer = self._http.request(method, f"{self.home}{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json()

    def received(self, phone: str) -> list[str]:
        """What the phone shows of ours."""
        told = self._http.get(f"{self.demo['simulators']['twilio']}/_sim/phones").json()["phones"]
        (found,) = [one for one in told if one["number"] == phone]
        return [
            one["body"]
            for one in found["messages"]
            if one["direction"] == "to_phone" and one["kind"] == "text"
        ]

    def agent(self) -> tuple[str, str]:
        """Address and password of a colleague of the owner, who is invited when first asked for."""
        email, password = "agent@harbour.example", "seven lazy kettles whistle"
        if self._agent is None:
            self.ask("POST", "/v1/invitations", {"email": email, "role": "agent"})
            accepting = {
                "token": self.link(email).partition("#")[2],
                "password": password,
                "business_use": True,
                "age_16": True,
                "terms_version": "2026-04-17",
                "policy_version": "2026-04-17",
            }
            accepted = self._http.post(f"{self.home}/v1/auth/accept", json=accepting)
            assert accepted.status_code < 300, accepted.text
            self._agent = (email, password)
        return self._agent

    def link(self, address: str) -> str:
        """The link in the newest mail to an address."""
        mails = f"{self.demo['simulators']['resend']}/_sim/mails"
        deadline = monotonic() + 20
        while not (found := [one for one in self._http.get(mails).json() if one["to"] == address]):
            assert monotonic() < deadline, f"no mail to {address}"
            sleep(0.1)
        text = self._http.get(f"{mails}/{found[0]['id']}").json()["text"]
        return re.search(rf"{re.escape(self.home)}\S+", text)[0]  # type: ignore[index]
