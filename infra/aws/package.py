"""Build what is deployed: `python -m infra.aws.package [layer|functions|all]`.

build/layer/python/      the locked packages and leadsrally; serverless.yml makes the layer of it
build/functions/<name>/  each function's own files, as its zip holds them
"""

import argparse
import shutil
import sys
from pathlib import Path

from infra.aws.layer import PLATFORM, PROJECT, PYTHON_VERSION, Environment, Say, Wheels, build, size
from leadsrally.kit.errors import Misconfigured

# A function and its layers together, unzipped: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
LIMIT = 250 * 1024 * 1024


def functions(target: Path) -> dict[str, Path]:
    """Copy every function's folder to `target`/functions; returns the new folders by name."""
    from infra.local.functions import load  # needs YAML, which building the layer alone does not

    made = target / "functions"
    shutil.rmtree(made, ignore_errors=True)
    for function in load():
        home = made / function.name / "functions"
        shutil.copytree(
            PROJECT / "functions" / function.name,
            home / function.name,
            ignore=shutil.ignore_patterns("__pycache__", "*.pyc"),
        )
        shutil.copyfile(PROJECT / "functions" / "__init__.py", home / "__init__.py")
    return {function.name: made / function.name for function in load()}


def refuse_oversize(target: Path, say: Say) -> None:
    """Say how much of Lambda's limit the layer and each function take. Raises `Misconfigured` above it."""
    layer = size(target / "layer")
    largest, name = max(
        ((size(made), made.name) for made in (target / "functions").glob("*")), default=(0, "no function")
    )
    say(f"layer {_mb(layer)}, largest function {_mb(largest)} ({name}), limit {_mb(LIMIT)} unzipped")
    if layer + largest > LIMIT:
        raise Misconfigured(f"The layer and {name} are larger than Lambda takes: {_mb(layer + largest)}.")


def _mb(count: int) -> str:
    return f"{count / (1024 * 1024):.1f} MB"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m infra.aws.package", description="Build what is deployed."
    )
    parser.add_argument("what", nargs="?", choices=["layer", "functions", "all"], default="all")
    parser.add_argument("--target", type=Path, default=PROJECT / "build", help="where to (default: build)")
    parser.add_argument(
        "--from-environment", action="store_true", help="for this interpreter, without network"
    )
    parser.add_argument(
        "--python-version", default=PYTHON_VERSION, help="the runtime's (default: %(default)s)"
    )
    parser.add_argument("--platform", default=PLATFORM, help="the runtime's (default: %(default)s)")
    parser.add_argument("--compiler", help="a Python of the runtime's version, to compile with")
    return parser.parse_args()


def main() -> int:
    """Build what the command line asks for; 1 with one sentence when that is not possible."""
    asked = _arguments()
    try:
        if asked.what in ("layer", "all"):
            source = Environment() if asked.from_environment else Wheels(asked.python_version, asked.platform)
            _say(f"building the layer for Python {source.python_version}")
            build(source, asked.target, say=_say, compiler=asked.compiler)
        if asked.what in ("functions", "all"):
            functions(asked.target)
        refuse_oversize(asked.target, _say)
    except Misconfigured as error:
        print(f"package: {error.sentence}", file=sys.stderr)
        return 1
    return 0


def _say(sentence: str) -> None:
    print(f"package: {sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
