"""infra/aws/resources.yml as data."""

from functools import cache
from typing import Any

import yaml

from infra.local.functions import PROJECT


class _Loader(yaml.SafeLoader):
    """Keeps CloudFormation's functions as (name, argument), so that a test can see what is referred to."""


def _kept(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> tuple[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return suffix, loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return suffix, loader.construct_sequence(node, deep=True)


_Loader.add_multi_constructor("!", _kept)


@cache
def resources() -> dict[str, Any]:
    """Every resource by its logical name; `!GetAtt X.Arn` reads as ("GetAtt", "X.Arn")."""
    text = (PROJECT / "infra" / "aws" / "resources.yml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=_Loader)["Resources"]
