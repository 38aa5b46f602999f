"""A measured figure, its limit from the same run, and how both are printed and kept."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).with_name("results.json")


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `ratio` is value over limit; `aim` is what the project wants of `judged` (ratio or value).

    A figure without an aim is there to explain another one.
    """

    name: str
    value: float
    unit: str
    limit: float | None = None
    limit_is: str = ""
    ratio: float | None = None
    aim: str = ""
    reached: bool | None = None
    note: str = ""


def beside(
    name: str,
    values: Sequence[float],
    unit: str,
    limits: Sequence[float],
    limit_is: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Figure:
    """A figure measured in rounds, each beside its limit: medians, and the median of the rounds' ratios."""
    ratio = median(value / limit for value, limit in zip(values, limits, strict=True))
    aim, reached = _aim(ratio, at_most, at_least, "×")
    return Figure(name, median(values), unit, median(limits), limit_is, ratio, aim, reached, note)


def alone(
    name: str,
    value: float,
    unit: str,
    *,
    at_most: float | None = None,
    at_least: float | None = None,
    note: str = "",
) -> Figure:
    """A figure whose aim is an absolute number, or that has none."""
    aim, reached = _aim(value, at_most, at_least, unit)
    return Figure(name, value, unit, aim=aim, reached=reached, note=note)


def within(
    name: str,
    value: float,
    unit: str,
    limit: float,
    limit_is: str,
    *,
    at_most: float | None = None,
    note: str = "",
) -> Figure:
    """A figure whose aim is an absolute number, shown beside a limit."""
    aim, reached = _aim(value, at_most, None, unit)
    return Figure(name, value, unit, limit, limit_is, value / limit, aim, reached, note)


def _aim(judged: float, at_most: float | None, at_least: float | None, unit: str) -> tuple[str, bool | None]:
    if at_most is not None:
        return f"≤ {at_most:g} {unit}", judged <= at_most
    if at_least is not None:
        return f"≥ {at_least:g} {unit}", judged >= at_least
    return "", None


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def machine() -> str:
    """The line without which no figure means anything."""
    model = next(
        (line.split(":", 1)[1].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")),
        platform.processor() or platform.machine(),
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if "MemTotal" in line), 0)
    load = "/".join(f"{value:.1f}" for value in os.getloadavg())
    return (
        f"{os.cpu_count()} × {model}, {memory / 2**20:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {load}"
    )


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8").splitlines()
    except OSError:
        return []


def table(figures: Sequence[Figure]) -> str:
    """The figures as a table that is also Markdown."""
    rows = [("figure", "measured", "limit of the same run", "ratio", "aim", "reached")]
    rows += [
        (
            figure.name,
            f"{_short(figure.value)} {figure.unit}",
            "" if figure.limit is None else f"{_short(figure.limit)} {figure.unit} ({figure.limit_is})",
            "" if figure.ratio is None else f"{figure.ratio:.2f} ×",
            figure.aim,
            {None: "", True: "yes", False: "NO"}[figure.reached],
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    notes = [f"  {figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join([*lines, *notes])


def _short(value: float) -> str:
    if value == 0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def keep(name: str, figures: Sequence[Figure], *, quick: bool) -> None:
    """Put one bench's figures into results.json beside those of the others."""
    try:
        kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        kept = {}
    kept[name] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "quick": quick,
        "figures": [asdict(figure) for figure in figures],
    }
    RESULTS.write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
