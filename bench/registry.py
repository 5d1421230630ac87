"""Every benchmark by name, with its goal. The goals are ratios: higher is better."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from bench import (
    append_fold,
    first_kpi,
    flatness,
    fold_batch,
    ledger_append,
    rebuild,
    vs_duckdb,
    vs_pathway,
    vs_postgres,
)
from bench.attribution import run as attribution
from bench.context import Context
from bench.result import Result

__all__ = ["BENCHMARKS", "Benchmark"]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One figure: how it is measured, and the least ratio that satisfies."""

    run: Callable[[Context], Awaitable[Result]]
    goal: float


#: In the order in which a whole run measures them.
BENCHMARKS: Mapping[str, Benchmark] = {
    "ledger.append": Benchmark(ledger_append.run, goal=0.25),
    "ledger.append_fold": Benchmark(append_fold.run, goal=0.08),
    "fold.batch_100k": Benchmark(fold_batch.run, goal=0.20),
    "fold.flatness_1k": Benchmark(flatness.run_1k, goal=0.67),
    "fold.flatness_10k": Benchmark(flatness.run_10k, goal=0.67),
    "fold.vs_postgres": Benchmark(vs_postgres.run, goal=100),
    "fold.vs_duckdb": Benchmark(vs_duckdb.run, goal=10),
    "fold.vs_pathway": Benchmark(vs_pathway.run, goal=5),
    "rebuild": Benchmark(rebuild.run, goal=0.8),
    "attribution.heuristics_1m": Benchmark(attribution.run_heuristics, goal=20),
    "attribution.markov_1m": Benchmark(attribution.run_markov, goal=40),
    "attribution.shapley_1m": Benchmark(attribution.run_shapley, goal=50),
    "start.first_kpi": Benchmark(first_kpi.run, goal=0.25),
}
