"""Package the functions for an interpreter on this machine, and gather what Lambda's image would bring."""

import os
import subprocess
from pathlib import Path

from infra.local.functions import PROJECT
from tests.aws.bootstrap import Package

# Prints the top-level entries of the distributions that stand in for Lambda's image.
_TOP_LEVEL = """
import importlib.metadata, os
for name in ("awslambdaric", "simplejson", "snapshot-restore-py", "boto3", "botocore", "s3transfer",
             "python-dateutil", "six"):
    files = importlib.metadata.distribution(name).files
    for top in {file.parts[0] for file in files} - {"..", "__pycache__"}:
        print(os.path.abspath(files[0].locate().parents[len(files[0].parts) - 1] / top))
"""


def package(python: str, home: Path) -> Package:
    """Build the layer and the functions below `home`, out of the packages that `python` has installed."""
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT / 'shared'}:{PROJECT}"}
    subprocess.run(
        [python, "-m", "infra.aws.package", "all", "--from-environment", "--target", str(home)],
        cwd=PROJECT,
        env=environment,
        check=True,
        capture_output=True,
    )
    runtime = home / "runtime"
    runtime.mkdir()
    listed = subprocess.run([python, "-c", _TOP_LEVEL], check=True, capture_output=True, text=True).stdout
    for entry in listed.split():
        (runtime / Path(entry).name).symlink_to(entry)
    return Package(python, home, runtime)


def can_package(python: str) -> bool:
    """Whether this interpreter has what the layer and the bootstrap need."""
    asked = "import awslambdaric, fastapi, packaging, psycopg, yaml"
    try:
        return subprocess.run([python, "-c", asked], check=False, capture_output=True).returncode == 0
    except OSError:
        return False
