"""What a benchmark gets to work with."""

from dataclasses import dataclass

from bench.history import Histories
from bench.server import Server

__all__ = ["DEFAULT", "LONG", "QUICK", "Context", "Scale"]


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured.

    Attributes:
        small: facts in the history that most benchmarks add to.
        large: facts in the history that flatness compares it with.
        rounds: how often ours and the anchor are measured, in turns; the median counts.
        recomputations: the same where the anchor is a whole recomputation of the large history.
        shared_buffers: PostgreSQL's own memory for pages, as PostgreSQL writes it.
    """

    name: str
    small: int
    large: int
    rounds: int
    recomputations: int
    shared_buffers: str = "2GB"


DEFAULT = Scale("default", small=100_000, large=1_000_000, rounds=5, recomputations=3)
#: A quarter of the memory of a machine that such a history would be kept on.
LONG = Scale(
    "long", small=100_000, large=10_000_000, rounds=7, recomputations=1, shared_buffers="6GB"
)
QUICK = Scale("quick", small=20_000, large=60_000, rounds=3, recomputations=3)


@dataclass(frozen=True, slots=True)
class Context:
    """The server of the run, its histories, and how much to measure."""

    scale: Scale
    server: Server
    histories: Histories
