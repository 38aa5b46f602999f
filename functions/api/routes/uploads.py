"""Uploads: files for messages. Announced here, put to the address that is given, looked at, then sent in a message."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body, Line
from functions.api.once import Once
from functions.api.problems import problems
from leadsrally.messaging.media import limits
from leadsrally.messaging.media.limits import Sized
from leadsrally.messaging.media.unsent_store import Unsent
from leadsrally.messaging.media.upload import announce_upload, found, look_at_upload, withdraw_upload

router = APIRouter(prefix="/v1/uploads", tags=["uploads"])


class NewUpload(Body):
    file_name: Line = Field(max_length=255, examples=["offer.pdf"])
    content_type: str = Field(min_length=3, max_length=255, examples=["application/pdf"])
    bytes: int = Field(ge=1, le=limits.LARGEST, description="Of the whole file.", examples=[48213])


class Place(BaseModel):
    """Where to put the file: `PUT` with these headers and exactly the announced number of bytes, once."""

    url: str = Field(examples=["https://files.example.com/…"])
    headers: dict[str, str] = Field(examples=[{"content-type": "application/pdf", "if-none-match": "*"}])
    expires_at: datetime


class Announced(BaseModel):
    id: UUID
    put: Place


class Fit(BaseModel):
    """Whether the file goes over a channel, and if not, why."""

    channel: Literal["sms", "whatsapp"]
    refusal: str | None = Field(examples=["The file is too large: MMS takes up to 5 MB. Send a smaller one."])


class Upload(BaseModel):
    """A file that is in no message yet. Within a day it is sent, or dropped."""

    id: UUID
    state: Literal["awaited", "stored", "refused"]
    reason: Literal["type", "size", "too_large"] | None = Field(
        description="Why it was refused: not on the list of types, not what was announced, or too large."
    )
    file_name: str = Field(examples=["offer.pdf"])
    content_type: str = Field(
        description="Once stored, what the file is; before, what you said.", examples=["application/pdf"]
    )
    bytes: int
    fits: list[Fit] = Field(
        description="By type and size; MMS goes within the United States and Canada only."
    )


@router.post("", status_code=201, dependencies=[permit("conversations.write")], responses=problems(409, 413))
def announce(asked: Asked, once: Once, new: NewUpload) -> Announced:
    """Announce a file. The address is shown once and takes the file within a quarter of an hour."""

    def announce_it() -> Announced:
        made = announce_upload(
            asked.tx,
            asked.door.links,
            asked.person.organization_id,
            file_name=new.file_name,
            content_type=new.content_type,
            size=new.bytes,
            now=asked.door.clock(),
        )
        link = made.link
        return Announced(
            id=made.id, put=Place(url=link.url, headers=dict(link.headers), expires_at=link.expires_at)
        )

    return once(Announced, announce_it, shown_once=True)


@router.post("/{upload_id}/look", dependencies=[permit("conversations.write")], responses=problems(404, 409))
def look(asked: Asked, upload_id: UUID) -> Upload:
    """Have a file looked at that you have put there. What is stored can be sent; 409 while nothing has arrived."""
    organization_id = asked.person.organization_id
    upload = look_at_upload(asked.outside(), asked.door.storage, asked.door.clock, organization_id, upload_id)
    return _shown(upload)


@router.get("/{upload_id}", dependencies=[permit("conversations.write")], responses=problems(404))
def one(asked: Asked, upload_id: UUID) -> Upload:
    """How an upload stands, and over which channels it goes."""
    return _shown(found(asked.tx, asked.person.organization_id, upload_id))


@router.delete(
    "/{upload_id}", status_code=204, dependencies=[permit("conversations.write")], responses=problems(404)
)
def withdraw(asked: Asked, upload_id: UUID) -> None:
    """Take an upload back that was not sent."""
    withdraw_upload(asked.tx, asked.person.organization_id, upload_id, now=asked.door.clock())


def _shown(upload: Unsent) -> Upload:
    file = Sized(upload.content_type, upload.bytes)
    fits = [Fit(channel=channel, refusal=limits.refusal(channel, file)) for channel in ("sms", "whatsapp")]
    return Upload.model_validate(
        {
            "id": upload.id,
            "state": upload.state,
            "reason": upload.reason,
            "file_name": upload.file_name,
            "content_type": upload.content_type,
            "bytes": upload.bytes,
            "fits": fits,
        }
    )
