"""``python -m bench [--only NAME …] [--quick | --long] [--strict]``"""

import argparse
import asyncio
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from bench.context import DEFAULT, LONG, QUICK, Context, Scale
from bench.history import Histories
from bench.progress import say
from bench.registry import BENCHMARKS
from bench.report import missed_goals, print_table, write_results
from bench.result import Result, Skipped
from bench.server import Server, running_server
from shared.observability.runtime import settle_garbage_collector

_RESULTS = Path(__file__).with_name("results.json")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks asked for; return 1 for a missed goal only if that was asked for too."""
    options = _parser().parse_args(arguments)
    names = options.only or list(BENCHMARKS)
    with running_server(options.scale.shared_buffers) as server:
        settle_garbage_collector()  # as every process of the product does
        results = asyncio.run(_measure(names, options.scale, server))
    print_table(results)
    return 1 if options.strict and missed_goals(results) else 0


async def _measure(names: Sequence[str], scale: Scale, server: Server) -> dict[str, Result]:
    context = Context(scale, server, Histories(server))
    results = {}
    for name in names:
        started = time.perf_counter()
        try:
            results[name] = await BENCHMARKS[name].run(context)
        except Skipped as reason:
            say(f"{name}: skipped, {reason}")
            continue
        # At once: a run that is interrupted has measured what it has measured.
        write_results(_RESULTS, results)
        ratio = results[name].ratio
        say(f"{name}: ratio {ratio:.3f} ({time.perf_counter() - started:.0f} s)")
    return results


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="repeat for several")
    sizes = parser.add_mutually_exclusive_group()
    for scale, text in (
        (QUICK, "small histories, for a look or a smoke test; no figure to quote"),
        (LONG, "flatness up to a history of 10^7 facts; takes hours"),
    ):
        sizes.add_argument(
            f"--{scale.name}", dest="scale", action="store_const", const=scale, help=text
        )
    parser.set_defaults(scale=DEFAULT)
    parser.add_argument("--strict", action="store_true", help="exit 1 when a goal is missed")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
