"""What a door imports before its first event: each of these modules would cost every cold start its time."""

import subprocess
import sys

import pytest

from infra.local.functions import PROJECT, load

# Milliseconds each adds to a fresh process, where measured: anthropic 2 500, Tracer 600, fastapi 500, boto3 280
# before any client, resend 280, sentry_sdk 260, twilio.rest 200, httpx 190, pydantic 190, requests 180,
# PyJWT 150 and phonenumbers 35. asyncio comes with psycopg and the top of
# botocore with Powertools; Tracer is its name for aws_xray_sdk, loaded when one is made.
FORBIDDEN = (
    "anthropic",
    "aws_xray_sdk",
    "aws_lambda_powertools.utilities.idempotency",
    "aws_lambda_powertools.utilities.parser",
    "boto3",
    "botocore.client",
    "botocore.session",
    "fastapi",
    "httpx",
    "httpx2",
    "infra",
    "jwt",
    "mangum",
    "phonenumbers",
    "psycopg_pool",
    "pydantic",
    "requests",
    "resend",
    "sentry_sdk",
    "starlette",
    "twilio.http",
    "twilio.rest",
    "urllib3",
)

_LIGHT = [function for function in load() if function.name != "api"]
_IMPORT = (
    "import sys, importlib; importlib.import_module(sys.argv[1]); print(*sorted(sys.modules), sep='\\n')"
)


@pytest.mark.parametrize("function", _LIGHT, ids=lambda function: function.name)
def test_light_door_imports_nothing_heavy(function) -> None:
    listed = subprocess.run(
        [sys.executable, "-c", _IMPORT, function.module],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "leadsrally.runtime" in listed
    heavy = [module for module in listed if _is_one_of(module)]
    assert heavy == []


def _is_one_of(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in FORBIDDEN)


def test_the_test_would_notice() -> None:
    listed = subprocess.run(
        [sys.executable, "-c", _IMPORT, "functions.api.handler"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert {"fastapi", "pydantic", "starlette"} <= {module for module in listed if _is_one_of(module)}
