"""Measure: `python -m bench [NAME …] [--quick]`."""

import argparse
import importlib
import sys
import time

from bench.figures import RESULTS, Figure, keep, machine, table

# In the order in which they run; each module tells in its first lines what it measures.
BENCHES = (
    "imports",
    "words",
    "intake_handler",
    "intake_host",
    "webhook_meta_batch",
    "queue_drain",
    "api_list",
    "inbox",
    "inbox_page",
    "contacts",
    "export",
    "erase",
    "retention",
    "contact_import",
)


def main() -> int:
    """Run the benches asked for, print one table, keep the figures. A missed aim is told and is no failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__, epilog=_listed())
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", nargs="*", help="what to measure; all when none is named")
    parser.add_argument("--quick", action="store_true", help="fewer rounds and rows: a minute, rough figures")
    options = parser.parse_args()
    unknown = [name for name in options.name if name not in BENCHES]
    if unknown:
        parser.error(f"there is no bench {unknown[0]}; there are {', '.join(BENCHES)}")
    print(machine(), flush=True)
    figures: list[Figure] = []
    for name in options.name or BENCHES:
        print(f"\n{name} …", end="", flush=True)
        started = time.monotonic()
        found = importlib.import_module(f"bench.{name}").measure(quick=options.quick)
        print(f" {time.monotonic() - started:.0f} s", flush=True)
        keep(name, found, quick=options.quick)
        print(table(found), flush=True)
        figures += found
    missed = [figure.name for figure in figures if figure.reached is False]
    print(f"\n{len(missed)} of {sum(f.reached is not None for f in figures)} aims missed", end="")
    print(f": {', '.join(missed)}" if missed else "", f"({RESULTS.name})", flush=True)
    return 0


def _listed() -> str:
    lines = ["benches:"]
    for name in BENCHES:
        told = importlib.import_module(f"bench.{name}").__doc__ or ""
        lines.append(f"  {name:<15} {told.strip().splitlines()[0]}")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
