"""T15: what is remembered from one request to the next is either the same for everybody, or kept under a key that
belongs to one tenant.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from infra.local.functions import PROJECT

# Holds nothing of any tenant: computed from code, from a file of ours, or from nothing at all.
SAME_FOR_ALL = {
    "functions/api/routes/docs.py:_page",
    "shared/leadsrally/accounts/passwords.py:_nobody",
    "shared/leadsrally/accounts/places.py:_time_zones",
    "shared/leadsrally/consent/keywords.py:_listed",
    "shared/leadsrally/consent/refusals.py:_compiled",
    "shared/leadsrally/contacts/imports/headings.py:_targets",
    "shared/leadsrally/consent/whereabouts.py:_places",
    "shared/leadsrally/kit/db.py:_numbered",
    "shared/leadsrally/kit/download.py:_trust",
    "shared/leadsrally/kit/phone.py:_plan_of_country_1",
    "shared/leadsrally/kit/phone.py:_rust",
    "shared/leadsrally/notices/compose.py:_page",
    "shared/leadsrally/notices/compose.py:of",
    "shared/leadsrally/providers/keys/kms.py:KmsKeys._clients",
    "shared/leadsrally/providers/meta/error_codes.py:_table",
    "shared/leadsrally/providers/meta/inbound.py:_NOBODY",
    "shared/leadsrally/providers/twilio/error_codes.py:_table",
    "shared/leadsrally/privacy/policy/text.py:texts",
    "shared/leadsrally/runtime.py:_installed",
    "shared/leadsrally/telemetry/log.py:_logger",
}
# Holds something of a tenant, under a key that is nobody else's.
KEPT_APART = {
    "shared/leadsrally/kit/crypto.py:KeyedHash._derived": "by organisation and purpose",
    "shared/leadsrally/kit/db.py:Tx.announcements": "ends with its transaction, which has one tenant",
    "shared/leadsrally/messaging/channels/directory.py:ChannelDirectory._kept": "by a channel's key, unique over all tenants",
    "shared/leadsrally/runtime.py:Runtime._kept_senders": "by a channel's id, unique over all tenants",
}


def remembered(path: Path) -> Iterator[str]:
    """Functions that keep their answers, and dictionaries that outlive a call."""
    tree = ast.parse(path.read_text("utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            names = {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in node.decorator_list}
            if names & {"cache", "lru_cache"}:
                yield node.name
        if isinstance(node, ast.ClassDef):
            for one in ast.walk(node):
                if _is_empty_dict(one):
                    target = one.targets[0] if isinstance(one, ast.Assign) else one.target
                    if ast.unparse(target).startswith("self."):
                        yield f"{node.name}.{ast.unparse(target).removeprefix('self.')}"
    for one in tree.body:
        if _is_empty_dict(one):
            yield ast.unparse(one.targets[0] if isinstance(one, ast.Assign) else one.target)


def _is_empty_dict(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.Dict)
        and not node.value.keys
    )


def found() -> set[str]:
    return {
        f"{path.relative_to(PROJECT)}:{name}"
        for room in ("shared/leadsrally", "functions")
        for path in sorted((PROJECT / room).rglob("*.py"))
        for name in remembered(path)
    }


def test_T15_everything_that_is_remembered_is_named_here():
    """A new one: whose is what it holds, and can two tenants meet under one key?"""
    assert found() == SAME_FOR_ALL | KEPT_APART.keys()


def test_the_test_would_notice(tmp_path: Path):
    (tmp_path / "new.py").write_text(
        """
import functools
_BY_NAME: dict[str, int] = {}
class Shelf:
    def __init__(self):
        self._kept = {}
        passing = {}
    @functools.cache
    def page(self): ...
@functools.lru_cache(maxsize=3)
def title(): ...
def plain(): return {}
""",
        "utf-8",
    )
    assert set(remembered(tmp_path / "new.py")) == {"_BY_NAME", "Shelf._kept", "page", "title"}
