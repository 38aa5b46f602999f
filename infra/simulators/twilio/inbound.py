"""A phone texts one of our numbers: keywords first, then the webhook, then what it answered.

https://www.twilio.com/docs/messaging/guides/webhook-request
"""

import asyncio
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from infra.simulators.twilio.accounts import TwilioAccount, TwilioNumber, new_sid
from infra.simulators.twilio.handsets import CONFIRMATIONS, Bubble, Handsets, keyword
from infra.simulators.twilio.messages import API_VERSION, MessageBook, MessageRecord
from infra.simulators.twilio.segments import segments
from infra.simulators.twilio.sending import opt_out_scope
from infra.simulators.twilio.webhook import Answer, Params, WebhookCaller

# https://www.twilio.com/docs/messaging/twiml: what a webhook's answer may call itself
_TWIML_TYPES = ("text/xml", "application/xml", "text/html")
_LARGEST_TWIML = 64 * 1024  # https://www.twilio.com/docs/api/errors/11750


@dataclass(frozen=True)
class Text:
    """What the phone was told to send.

    `times` delivers one text more than once, as a provider's retry does; `together` delivers the copies at the
    same moment. `params` adds or overrides webhook parameters.
    """

    to: str
    body: str | None
    media: Sequence[tuple[str, str]] = ()
    message_sid: str | None = None
    opt_out_type: str | None = None
    times: int = 1
    together: bool = False
    algorithm: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)


class Inbox:
    """Receives from phones on behalf of every account."""

    def __init__(
        self,
        accounts: Mapping[str, TwilioAccount],
        book: MessageBook,
        handsets: Handsets,
        caller: WebhookCaller,
    ) -> None:
        self.accounts = accounts
        self.book = book
        self.handsets = handsets
        self.caller = caller

    def owner(self, number: str) -> tuple[TwilioAccount, TwilioNumber] | None:
        for account in self.accounts.values():
            if owned := account.number(number):
                return account, owned
        return None

    async def receive(
        self, phone: str, text: Text, account: TwilioAccount, number: TwilioNumber
    ) -> dict[str, Any]:
        """Deliver the text; the result tells what our webhook answered to the last delivery."""
        sid = text.message_sid or new_sid("MM" if text.media else "SM")
        again = any(b.sid == sid for b in self.handsets.of(phone))
        service = account.service_of(number.number)
        url = "" if number.application_sid else number.sms_url
        if service and not service.use_inbound_webhook_on_number:
            url = service.inbound_request_url
            if not url:
                return _result(sid, None, [], "the Messaging Service has no inbound_request_url")
        word = keyword(text.body)
        if not again:
            self._remember(phone, text, sid, account)
            if word:
                self._obey(phone, word, account, number)
        advanced = number.advanced_opt_out or (service is not None and service.advanced_opt_out)
        params = inbound_params(
            phone,
            text,
            sid,
            account,
            service_sid=service.sid if service else None,
            opt_out_type=text.opt_out_type or (word if advanced else None),
        )
        if not url:
            return _result(sid, word, [], "the number has no SmsUrl, or an application before it")
        token = str(uuid4())

        async def deliver() -> Answer:
            return await self.caller.call(
                url, params, account, method=number.sms_method, algorithm=text.algorithm, token=token
            )

        if text.together:
            answers = list(await asyncio.gather(*(deliver() for _ in range(text.times))))
        else:
            answers = [await deliver() for _ in range(text.times)]
        result = _result(sid, word, answers)
        if result["error_code"] is None:
            self._reply(phone, answers[-1].body, account, number)
        elif number.sms_fallback_url:
            fallback = await self.caller.call(
                number.sms_fallback_url,
                [*params, ("ErrorCode", str(result["error_code"])), ("ErrorUrl", answers[-1].url)],
                account,
                algorithm=text.algorithm,
            )
            result["fallback"] = fallback.as_json()
        return result

    def _remember(self, phone: str, text: Text, sid: str, account: TwilioAccount) -> None:
        media = [url for url, _ in text.media]
        self.handsets.of(phone).append(Bubble(sid, "from_phone", text.to, text.body, media))
        self.book.add(
            MessageRecord(
                sid=sid,
                account_sid=account.sid,
                to=text.to,
                sender=phone,
                body=text.body or "",
                direction="inbound",
                status="received",
                num_segments=segments(text.body or ""),
                media=media,
            )
        )

    def _obey(self, phone: str, word: str, account: TwilioAccount, number: TwilioNumber) -> None:
        """Default opt-out handling: the provider blocks and confirms by itself, and only when that is news."""
        scope = opt_out_scope(account, number.number)
        if word == "HELP" or self.handsets.set_opted_out(phone, scope, word == "STOP"):
            self.handsets.of(phone).append(
                Bubble(new_sid("SM"), "to_phone", number.number, CONFIRMATIONS[word], kind="provider")
            )

    def _reply(self, phone: str, twiml: str, account: TwilioAccount, number: TwilioNumber) -> None:
        if self.handsets.is_opted_out(phone, opt_out_scope(account, number.number)):
            return
        for body in _messages(twiml):
            reply = MessageRecord(
                sid=new_sid("SM"),
                account_sid=account.sid,
                to=phone,
                sender=number.number,
                body=body,
                direction="outbound-reply",
                status="delivered",
                num_segments=segments(body),
            )
            self.book.add(reply)
            self.handsets.of(phone).append(Bubble(reply.sid, "to_phone", number.number, body))


def inbound_params(
    phone: str,
    text: Text,
    sid: str,
    account: TwilioAccount,
    *,
    service_sid: str | None,
    opt_out_type: str | None,
) -> Params:
    """Every parameter of a real inbound text, geography mostly empty. A text of media alone has no Body."""
    params = {
        "ToCountry": "US",
        "ToState": "",
        "SmsMessageSid": sid,
        "NumMedia": str(len(text.media)),
        "ToCity": "",
        "FromZip": "",
        "SmsSid": sid,
        "FromState": "",
        "SmsStatus": "received",
        "FromCity": "",
        "FromCountry": "US",
        "To": text.to,
        "ToZip": "",
        "NumSegments": str(segments(text.body or "")),
        "MessageSid": sid,
        "AccountSid": account.sid,
        "From": phone,
        "ApiVersion": API_VERSION,
    }
    if text.body is not None:
        params["Body"] = text.body
    if service_sid:
        params["MessagingServiceSid"] = service_sid
    if opt_out_type:
        params["OptOutType"] = opt_out_type
    for index, (url, content_type) in enumerate(text.media):
        params[f"MediaUrl{index}"] = url
        params[f"MediaContentType{index}"] = content_type
    return list({**params, **text.params}.items())


def _result(
    sid: str, word: str | None, answers: Sequence[Answer], missing: str | None = None
) -> dict[str, Any]:
    last = answers[-1] if answers else None
    return {
        "message_sid": sid,
        "keyword": word,
        "status": last.status if last else None,
        "body": last.body if last else "",
        "error": last.error if last else missing,
        "error_code": error_code(last) if last else None,
        "answers": [answer.as_json() for answer in answers],
        "fallback": None,
    }


def error_code(answer: Answer) -> int | None:
    """What the provider's debugger would log about an answer; None when it is content.

    https://www.twilio.com/docs/api/errors/11200 and its siblings.
    """
    if answer.status is None:
        return 11205
    if not answer.accepted:
        return 11200
    return None if answer.status == 204 else _twiml_error(answer)


def _twiml_error(answer: Answer) -> int | None:
    if not answer.content_type.startswith(_TWIML_TYPES):
        return 12300
    if len(answer.body.encode()) > _LARGEST_TWIML:
        return 11750
    try:
        root = ET.fromstring(answer.body)
    except ET.ParseError:
        return 12100
    return None if root.tag == "Response" else 12102


def _messages(twiml: str) -> list[str]:
    """The texts a TwiML answer asks the provider to send.

    https://www.twilio.com/docs/messaging/twiml/message
    """
    if not twiml.strip():
        return []
    found: list[str] = []
    for verb in ET.fromstring(twiml):
        if verb.tag in {"Message", "Sms"}:
            body = verb.find("Body")
            found.append(("".join(verb.itertext()) if body is None else body.text or "").strip())
    return found
