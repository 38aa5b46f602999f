"""POST Messages.json: refuse as Twilio refuses, else accept and let the message live.

https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
"""

import asyncio
import re
from datetime import datetime
from urllib.parse import urlsplit

from infra.simulators.twilio import errors
from infra.simulators.twilio.accounts import MessagingService, TwilioAccount, new_sid
from infra.simulators.twilio.callbacks import CallbackDesk, CallbackOrder, arrives
from infra.simulators.twilio.errors import Refused
from infra.simulators.twilio.forms import Form
from infra.simulators.twilio.handsets import Bubble, Handsets
from infra.simulators.twilio.messages import MessageBook, MessageRecord, now
from infra.simulators.twilio.segments import segments

LONGEST_BODY = 1600  # https://www.twilio.com/docs/api/errors/21617

_E164 = re.compile(r"(whatsapp:)?\+[1-9]\d{6,14}")
_SENDER = re.compile(r"(whatsapp:)?\+?[1-9]\d{2,14}|[A-Za-z0-9 ]{1,11}")


class Sender:
    """Takes send requests for every account."""

    def __init__(self, book: MessageBook, handsets: Handsets, callbacks: CallbackDesk) -> None:
        self.book = book
        self.handsets = handsets
        self.callbacks = callbacks
        self._scheduled: set[asyncio.Task[None]] = set()

    def accept(self, account: TwilioAccount, form: Form) -> MessageRecord:
        """The accepted message, or Refused with the code the real service would give."""
        _complete(form)
        to, body, media = form.text("To"), form.text("Body"), form.all("MediaUrl")
        if not _E164.fullmatch(to):
            raise Refused(21211, to)
        service = _service(account, form)
        sender = _own_sender(account, form.text("From")) if service is None else None
        if to in errors.MAGIC_TO:
            raise Refused(errors.MAGIC_TO[to], to)
        if sender and self.handsets.is_opted_out(to, opt_out_scope(account, sender)):
            raise Refused(21610)
        callback = form.text("StatusCallback") or (service.status_callback if service else "")
        if callback and not _callable(callback):
            raise Refused(21609, callback)
        send_at = _send_at(form, service)
        message = MessageRecord(
            sid=new_sid("MM" if media else "SM"),
            account_sid=account.sid,
            to=to,
            sender=sender,
            body=body,
            direction="outbound-api",
            status="scheduled" if send_at else "accepted" if service else "queued",
            num_segments=0 if service else segments(body),
            media=media,
            messaging_service_sid=service.sid if service else None,
            status_callback=callback,
            send_at=send_at,
        )
        if account.test_credentials:
            # https://www.twilio.com/docs/iam/test-credentials: answered, but nothing is stored or sent
            return message
        self.book.add(message)
        order = self.callbacks.orders.take(message)
        if send_at:
            task = asyncio.create_task(self._send_later(message, account, order, send_at))
            self._scheduled.add(task)
            task.add_done_callback(self._scheduled.discard)
        else:
            # After the answer is on its way: the create response shows the state before a sender was picked.
            asyncio.get_running_loop().call_soon(self._send, message, account, order)
        return message

    async def _send_later(
        self, message: MessageRecord, account: TwilioAccount, order: CallbackOrder, at: datetime
    ) -> None:
        await asyncio.sleep(max((at - now()).total_seconds(), 0))
        if message.status == "scheduled":
            self._send(message, account, order)

    def _send(self, message: MessageRecord, account: TwilioAccount, order: CallbackOrder) -> None:
        if message.messaging_service_sid:
            service = account.service(message.messaging_service_sid)
            message.sender = service.numbers[0] if service else None
            message.num_segments = segments(message.body)
            if self.handsets.is_opted_out(message.to, message.messaging_service_sid):
                # Behind a Messaging Service the refusal comes late: https://www.twilio.com/docs/api/errors/21610
                message.fails_with = 21610
        if arrives(message, order):
            self.handsets.of(message.to).append(
                Bubble(message.sid, "to_phone", message.sender or "", message.body, message.media)
            )
        self.callbacks.start(message, account, order)


def opt_out_scope(account: TwilioAccount, number: str) -> str:
    """What a STOP covers: the whole Messaging Service if the number is in one, else the number."""
    service = account.service_of(number)
    return service.sid if service else number


def _complete(form: Form) -> None:
    if not form.text("To"):
        raise Refused(21604)
    if not (form.text("From") or form.text("MessagingServiceSid")):
        raise Refused(21603)
    if not (form.text("Body") or form.all("MediaUrl") or form.text("ContentSid")):
        raise Refused(21602)
    if len(form.text("Body")) > LONGEST_BODY:
        raise Refused(21617)


def _service(account: TwilioAccount, form: Form) -> MessagingService | None:
    sid = form.text("MessagingServiceSid")
    if not sid:
        return None
    service = account.service(sid)
    if service is None:
        raise Refused(21705, sid)
    if not service.numbers:
        raise Refused(21704)
    if not any(account.number(number) for number in service.numbers):
        raise Refused(21703)
    return service


def _own_sender(account: TwilioAccount, sender: str) -> str:
    if sender in errors.MAGIC_FROM:
        raise Refused(errors.MAGIC_FROM[sender], sender)
    if not _SENDER.fullmatch(sender):
        raise Refused(21212, sender)
    if account.test_credentials and sender == errors.MAGIC_FROM_VALID:
        return sender
    if account.test_credentials or account.number(sender) is None:
        raise Refused(21606, sender)
    return sender


def _callable(url: str) -> bool:
    """A valid host without underscore. Loopback counts here, which the real service refuses."""
    parts = urlsplit(url)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and "_" not in (parts.hostname or "")


def _send_at(form: Form, service: MessagingService | None) -> datetime | None:
    if form.text("ScheduleType") != "fixed":
        return None
    if service is None:
        raise Refused(20001, "Scheduling needs a MessagingServiceSid.")
    try:
        return datetime.fromisoformat(form.text("SendAt"))
    except ValueError:
        raise Refused(20001, "SendAt is not an ISO 8601 date and time.") from None
