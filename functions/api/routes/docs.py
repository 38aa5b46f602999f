"""The contract as a page to read."""

from functools import cache

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from functions.api.contract import Api
from functions.api.page import CONTENT_SECURITY_POLICY, page

router = APIRouter(include_in_schema=False)


@router.get("/docs")
def docs(request: Request) -> HTMLResponse:
    """Every operation, with examples and who may call it."""
    headers = {"content-security-policy": CONTENT_SECURITY_POLICY, "x-content-type-options": "nosniff"}
    return HTMLResponse(_page(request.app), headers=headers)


@cache
def _page(api: Api) -> str:
    return page(api.openapi())
