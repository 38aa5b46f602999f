import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from filelock import FileLock

from infra.simulators.running import Running
from infra.simulators.serve import TwilioAccount, TwilioNumber, mount
from tests.aws.bootstrap import Package
from tests.aws.packing import can_package, package
from tests.database import TestDatabase
from tests.fakes import MovableClock
from tests.world import Line, World


@pytest.fixture(scope="session")
def packaged(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Package:
    """The layer and the functions for this interpreter, built once however many workers there are."""
    return _package_once(sys.executable, "packaged", tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def packaged_313(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Package:
    """The same for Lambda's own version of Python, where one with the packages is installed."""
    named = os.environ.get("LEADSRALLY_PYTHON_313")
    found = named or shutil.which("python3.13")
    if found is None or not can_package(found):
        pytest.skip("no Python 3.13 with requirements/dev.lock: name one in LEADSRALLY_PYTHON_313")
    return _package_once(found, "packaged-313", tmp_path_factory, worker_id)


def _package_once(
    python: str, name: str, tmp_path_factory: pytest.TempPathFactory, worker_id: str
) -> Package:
    shared = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        shared = shared.parent
    home = shared / name
    with FileLock(shared / f"{name}.lock"):
        if not (home / "runtime").exists():
            return package(python, home)
    return Package(python, home, home / "runtime")


@pytest.fixture
def aws(database: TestDatabase) -> Iterator[World]:
    """A world whose time is the packaged functions' own: theirs is the machine's."""
    made = World(database, clock=MovableClock(datetime.now(UTC) - timedelta(seconds=30))).open()
    yield made
    made.close()


@pytest.fixture
def sms(aws: World) -> Line:
    number = "+15005550123"  # the first ones of this range mean errors at Twilio
    return replace(aws.line(aws.organization(), address=number), number=number)


@pytest.fixture
def providers(sms: Line) -> Iterator[Running]:
    """Twilio and Anthropic, simulated, on a port of their own; Twilio knows the account of `sms`."""
    account = TwilioAccount(sms.account_sid, sms.auth_token, numbers=[TwilioNumber(sms.number)])
    with Running(mount([account], ["+12025550101"])) as running:
        yield running
