"""The second factor of the person asking: an app's codes, and recovery codes for when it is lost."""

from fastapi import APIRouter
from pydantic import BaseModel, Field

from functions.api.asking import Asked, permit
from functions.api.limits import Body
from functions.api.problems import problems
from leadsrally.accounts import second_factor

router = APIRouter(prefix="/v1/me/second-factor", tags=["second factor"])


class SetUp(BaseModel):
    secret: str = Field(
        description="For typing into the app: base32.", examples=["GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"]
    )
    address: str = Field(
        description="For a QR code.", examples=["otpauth://totp/LeadsRally:ada%40example.com?…"]
    )


class FirstCode(Body):
    code: str = Field(min_length=1, max_length=40, examples=["492039"])


class RecoveryCodes(BaseModel):
    recovery_codes: list[str] = Field(
        description="Each is good once. They are not shown again.", examples=[["abcd-efgh-ijkl-mnop"]]
    )


@router.post("", dependencies=[permit("me.edit", confirmed=True)], responses=problems(401, 403, 409))
def set_up(asked: Asked) -> SetUp:
    """Begin: a secret for your app, shown once. Nothing is asked for before its first code has come back."""
    asked.outside()
    made = second_factor.set_up(asked.door.front_desk, asked.person)
    return SetUp(secret=made.secret, address=made.address)


@router.post(
    "/proof", dependencies=[permit("me.edit", confirmed=True)], responses=problems(401, 403, 404, 422, 429)
)
def prove(asked: Asked, first: FirstCode) -> RecoveryCodes:
    """Switch it on with a code of the app. Your other sessions end; the recovery codes are shown once."""
    session = asked.session
    asked.outside()
    codes = second_factor.prove(asked.door.front_desk, asked.person, session.id, first.code)
    return RecoveryCodes(recovery_codes=codes)


@router.post(
    "/recovery-codes", dependencies=[permit("me.edit", confirmed=True)], responses=problems(401, 403, 404)
)
def renew(asked: Asked) -> RecoveryCodes:
    """Ten new recovery codes. The old ones are void."""
    codes = second_factor.renew_codes(asked.tx, asked.door.front_desk, asked.person, now=asked.door.clock())
    return RecoveryCodes(recovery_codes=codes)


@router.delete(
    "", status_code=204, dependencies=[permit("me.edit", confirmed=True)], responses=problems(401, 403, 404)
)
def remove(asked: Asked) -> None:
    """Be asked for a code no more. Your other sessions end."""
    second_factor.remove(asked.tx, asked.person, asked.session.id, now=asked.door.clock())
