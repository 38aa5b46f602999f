"""Every operation over HTTP, asked with what its contract allows and with what it does not: no 5xx, and no answer
that the contract does not describe. The same cases each time.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import psycopg
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from infra.local.functions import load
from infra.local.host import Host
from infra.simulators.running import Running
from leadsrally.accounts import passwords
from tests.api.conftest import person
from tests.api.examples import CONTRACT, EXAMPLES, OPERATIONS, Operation, Tenant, operation
from tests.database import clone
from tests.world import World

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# What may be answered to what the contract does not allow. 404: an id that is malformed is asked for by nobody;
# 412: a version that is none of ours; 428: no version at all.
REFUSED = ["400", "401", "403", "404", "405", "409", "412", "413", "422", "428", "429"]
FUZZ = settings(
    max_examples=10,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def _without_security(contract: dict[str, Any]) -> dict[str, Any]:
    """Who asks is told by us; a case that is wrong only for want of a token would be right by the time it is sent."""
    told = copy.deepcopy(contract)
    for methods in told["paths"].values():
        for one in methods.values():
            one.pop("security", None)
    return told


SCHEMA = schemathesis.openapi.from_dict(
    _without_security(CONTRACT),
    config=schemathesis.Config.from_dict(
        {"checks": {"negative_data_rejection": {"expected-statuses": REFUSED}}}
    ),
)


@dataclass
class Served:
    """The one-process host with one organisation, and what its owners ask over HTTP."""

    tenant: Tenant
    url: str

    def ask(self, which: Operation, case: Case, *checks: Any, real: bool) -> None:
        """Ask in the name of an owner who is new with each case, since some end a session or an account.

        With `real` about something that is there, else about what the case made up.
        """
        world = self.tenant.world
        world.execute(
            "UPDATE organizations SET state = 'active' WHERE state = 'leaving'"
        )  # some delete the account
        asking = person(world, self.tenant.org)
        if real:
            case.path_parameters = {n: str(i) for n, i in EXAMPLES[which].places(self.tenant, asking).items()}
            if "If-Match" in (case.headers or {}):
                case.headers["If-Match"] = self._version(asking.token, case.formatted_path)
        headers = {"Authorization": f"Bearer {asking.token}"}
        case.call_and_validate(self.url, headers=headers, checks=[*CHECKS, *checks])

    def _version(self, token: str, path: str) -> str:
        headers = {"authorization": f"Bearer {token}", "host": "x"}
        return self.tenant.world.call(path, method="GET", headers=headers).headers["etag"]


@pytest.fixture(scope="module")
def served(administration: tuple[psycopg.Connection[Any], str]) -> Iterator[Served]:
    """One world for all operations, where comparing a password takes a millisecond."""
    with clone(*administration) as database, pytest.MonkeyPatch.context() as patched:
        patched.setattr(passwords, "COST", 4)
        passwords._nobody.cache_clear()
        world = World(database).open()
        host = Host(load(), threads=2)
        with Running(host) as server:
            yield Served(Tenant.new(world, "Harbour Bikes", 0), server.base_url)
        host.close()
        world.close()
    passwords._nobody.cache_clear()


def fuzz(which: Operation, mode: GenerationMode, test: Callable[[Case], None]) -> None:
    method, path = which
    FUZZ(given(case=SCHEMA[path][method].as_strategy(generation_mode=mode))(test))()


@pytest.mark.parametrize("which", OPERATIONS, ids=" ".join)
def test_I5_what_the_contract_allows(served: Served, which: Operation):
    turns = cycle([True, False])

    def allowed(case: Case) -> None:
        served.ask(which, case, real=next(turns))

    fuzz(which, GenerationMode.POSITIVE, allowed)


ASKED = [found for found in OPERATIONS if {"parameters", "requestBody"} & operation(*found).keys()]


@pytest.mark.parametrize("which", ASKED, ids=" ".join)
def test_I5_what_it_does_not_allow(served: Served, which: Operation):
    def wrong(case: Case) -> None:
        served.ask(which, case, negative_data_rejection, real=False)

    fuzz(which, GenerationMode.NEGATIVE, wrong)


@pytest.mark.parametrize(
    "lie",
    [
        lambda told: told["components"]["schemas"]["Me"]["required"].append("shoe_size"),
        lambda told: told["components"]["schemas"]["Me"]["properties"]["email"].update(type="integer"),
        lambda told: told["paths"]["/v1/me"]["get"]["responses"].pop("200"),
    ],
    ids=["field", "type", "status"],
)
def test_the_test_would_notice(served: Served, lie: Callable[[dict[str, Any]], Any]):
    told = _without_security(CONTRACT)
    lie(told)
    case = schemathesis.openapi.from_dict(told)["/v1/me"]["GET"].Case()
    with pytest.raises(FailureGroup):
        served.ask(("GET", "/v1/me"), case, real=False)
