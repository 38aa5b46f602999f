"""What the layer leaves out of the locked packages. tests/aws/test_layer.py imports what remains.

Sizes are of the aarch64 wheels for Python 3.13, before compiling; compiled files double each of them.
"""

from pathlib import PurePosixPath

# Lambda's Python runtimes bring boto3 with what only it needs. jmespath and urllib3 stay: Powertools, Sentry
# and requests need them, and a runtime without them would be noticed only in production. 33 MB.
_IN_THE_RUNTIME = frozenset({"boto3", "botocore", "python-dateutil", "s3transfer", "six"})

# Imported by twilio.http.async_http_client alone, which nothing here imports. 14 MB.
_FOR_ASYNC_TWILIO = frozenset(
    {
        "aiohappyeyeballs",
        "aiohttp",
        "aiohttp-retry",
        "aiosignal",
        "attrs",
        "frozenlist",
        "multidict",
        "propcache",
        "yarl",
    }
)

DROPPED_DISTRIBUTIONS = _IN_THE_RUNTIME | _FOR_ASYNC_TWILIO

# The SDK imports a product when it is first asked for; `api` holds messages. 17 MB.
_TWILIO_PRODUCTS = frozenset({"api", "lookups", "messaging", "verify"})

# Written by installers about themselves; they would make two builds of the same lock differ.
_NOTES_OF_INSTALLERS = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"})
_ONLY_FOR_BUILDING = frozenset({".pyi", ".pyx", ".pxd", ".c", ".h"})


def superfluous(path: PurePosixPath) -> bool:
    """Whether a file of a kept distribution, named from the top of the layer's `python/`, is left out."""
    parts = path.parts
    if parts[:2] == ("twilio", "rest") and len(parts) > 3:
        return parts[2] not in _TWILIO_PRODUCTS
    if parts[0].endswith(".dist-info"):
        return path.name in _NOTES_OF_INSTALLERS and len(parts) == 2
    return (
        "__pycache__" in parts  # compiled anew, for the runtime's version
        or parts[0] in ("bin", "..")  # scripts, which nobody starts in Lambda
        or path.suffix in _ONLY_FOR_BUILDING
        or path.name == "py.typed"
        or "tests" in parts[1:]
    )
