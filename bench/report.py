"""The outcome of a run: a file for machines, a table for people."""

from collections.abc import Mapping
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

from bench.registry import BENCHMARKS
from bench.result import Result

__all__ = ["missed_goals", "print_table", "write_results"]


def write_results(path: Path, results: Mapping[str, Result]) -> None:
    """Write ``{name: {value, unit, anchor, ratio, goal}}``; results of other names are kept."""
    kept = orjson.loads(path.read_bytes()) if path.exists() else {}
    measured = {
        name: {
            "value": round(result.value, 3),
            "unit": result.unit,
            "anchor": round(result.anchor, 3),
            "ratio": round(result.ratio, 4),
            "goal": BENCHMARKS[name].goal,
        }
        for name, result in results.items()
    }
    merged = {name: line for name, line in (kept | measured).items() if name in BENCHMARKS}
    path.write_bytes(orjson.dumps(merged, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def print_table(results: Mapping[str, Result]) -> None:
    """Print one line per result."""
    table = Table(title="ratio: higher is better")
    for heading in ("name", "value", "anchor", "unit", "ratio", "goal", "met"):
        table.add_column(heading, justify="left" if heading in ("name", "unit") else "right")
    for name, result in results.items():
        goal = BENCHMARKS[name].goal
        table.add_row(
            name,
            _figure(result.value),
            _figure(result.anchor),
            result.unit,
            f"{result.ratio:.3f}",
            f"{goal:.2f}",
            "yes" if result.ratio >= goal else "no",
        )
    Console(width=100).print(table)


def missed_goals(results: Mapping[str, Result]) -> list[str]:
    """Return the names of the results below their goals."""
    return [name for name, result in results.items() if result.ratio < BENCHMARKS[name].goal]


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
