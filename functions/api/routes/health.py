"""Whether this function can reach its database."""

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel

from functions.api.asking import Door

router = APIRouter(tags=["operations"])


class Health(BaseModel):
    status: Literal["ok"] = "ok"


@router.get("/healthz")
def healthz(door: Door) -> Health:
    """200 when a transaction can be opened, 503 when not."""
    with door.db.across():
        return Health()
