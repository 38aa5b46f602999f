"""Who may import whom: the contracts hold, and each of them would notice."""

from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import grimp
import pytest
from importlinter.application import use_cases
from importlinter.configuration import configure
from importlinter.domain.contract import registry

from infra.local.functions import PROJECT

configure()


@dataclass(frozen=True)
class Contract:
    """A contract of `.importlinter`, ready to be asked."""

    id: str
    rule: Any

    def kept(self, *planted: tuple[str, str]) -> bool:
        """Whether it holds for the source as it stands, with these imports added."""
        graph = deepcopy(source())
        for importer, imported in planted:
            assert importer in graph.modules, importer
            graph.add_import(importer=importer, imported=imported)
        return self.rule.check(graph=graph, verbose=False).kept


@cache
def source() -> grimp.ImportGraph:
    return grimp.build_graph(
        "leadsrally", "functions", "infra", include_external_packages=True, cache_dir=None
    )


@cache
def contracts() -> dict[str, Contract]:
    options = use_cases.read_user_options(str(PROJECT / ".importlinter"))
    use_cases._register_contract_types(options)
    return {
        given["id"]: Contract(
            given["id"],
            registry.get_contract_class(given["type"])(
                name=given["name"], session_options=options.session_options, contract_options=given
            ),
        )
        for given in options.contracts_options
    }


# For each contract, imports that it must not let through.
PLANTED: list[tuple[str, str, str]] = [
    ("rooms", "leadsrally.consent.change", "leadsrally.messaging.store"),
    ("rooms", "leadsrally.messaging.receive", "leadsrally.sending.send"),
    ("rooms", "leadsrally.messaging.receive", "leadsrally.ai.score"),
    ("rooms", "leadsrally.accounts.audit", "leadsrally.notices.tell"),
    ("rooms", "leadsrally.notices.tell", "leadsrally.privacy.register"),
    ("rooms", "leadsrally.contacts.opt_out", "leadsrally.privacy.sweep"),
    ("rooms", "leadsrally.jobs.run", "leadsrally.accounts.store"),
    ("rooms", "leadsrally.privacy.sweep", "leadsrally.runtime"),
    ("providers", "leadsrally.providers.twilio.sender", "leadsrally.messaging.store"),
    ("providers", "leadsrally.providers.resend.mailer", "leadsrally.notices.tell"),
    ("providers", "leadsrally.providers.anthropic.scorer", "leadsrally.ai.answer"),
    ("providers", "leadsrally.providers.twilio.sender", "leadsrally.privacy.clauses.check_all"),
    ("one-maker", "leadsrally.sending.send", "leadsrally.providers.twilio.sender"),
    ("one-maker", "leadsrally.notices.tell", "leadsrally.providers.resend.mailer"),
    ("inward", "leadsrally.privacy.clauses.check_all", "infra.local.provision"),
    ("inward", "leadsrally.runtime", "functions.api.handler"),
    ("inward", "leadsrally.runtime", "infra.simulators.running"),
    ("functions", "functions.ai_score.handler", "functions.api.asking"),
    ("functions", "functions.webhook_twilio.handler", "functions.send_message.handler"),
    ("doors", "functions.api.handler", "infra.local.gateway"),
    ("doors", "functions.api.handler", "infra.simulators.faults"),
    ("production", "infra.local.serve", "infra.simulators.serve"),
    ("kit", "leadsrally.kit.db", "leadsrally.telemetry.log"),
    ("sdks", "leadsrally.sending.send", "twilio"),
    ("sdks", "leadsrally.notices.tell", "resend"),
    ("sdks", "functions.ai_score.handler", "anthropic"),
]


@pytest.mark.parametrize("name", contracts())
def test_a_contract_holds(name: str):
    assert contracts()[name].kept()


@pytest.mark.parametrize(("name", "importer", "imported"), PLANTED)
def test_a_forbidden_import_is_noticed(name: str, importer: str, imported: str):
    assert not contracts()[name].kept((importer, imported))


def test_each_contract_has_an_import_that_it_notices():
    assert {name for name, *_ in PLANTED} == contracts().keys()


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("leadsrally.providers.twilio.sender", "leadsrally.sending.types"),
        ("leadsrally.providers.twilio.inbound", "leadsrally.telemetry.log"),
        ("leadsrally.privacy.sweep", "leadsrally.messaging.store"),
        ("leadsrally.ai.score", "leadsrally.messaging.store"),
    ],
)
def test_a_permitted_import_passes_all(importer: str, imported: str):
    assert all(contract.kept((importer, imported)) for contract in contracts().values())
