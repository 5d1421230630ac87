"""What a benchmark answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

__all__ = ["Result", "Skipped", "from_rates", "from_times"]


class Skipped(Exception):
    """A benchmark cannot run here; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Result:
    """One measured figure beside its anchor.

    Attributes:
        value: ours, in ``unit``; the median of the rounds.
        anchor: what it is compared with, in ``unit``; the median of the rounds.
        ratio: the median of the ratios of the rounds, higher is better. A round measures ours and
            the anchor one directly after the other, so a machine that slows down meanwhile slows
            both.
    """

    value: float
    unit: str
    anchor: float
    ratio: float


def from_rates(unit: str, ours: Sequence[float], anchors: Sequence[float]) -> Result:
    """Return the result of rounds in which more is better, such as facts a second."""
    ratios = [mine / anchor for mine, anchor in zip(ours, anchors, strict=True)]
    return Result(median(ours), unit, median(anchors), median(ratios))


def from_times(unit: str, ours: Sequence[float], anchors: Sequence[float]) -> Result:
    """Return the result of rounds in which less is better, such as seconds."""
    ratios = [anchor / mine for mine, anchor in zip(ours, anchors, strict=True)]
    return Result(median(ours), unit, median(anchors), median(ratios))
