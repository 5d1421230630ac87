"""How sure an error over teams is that is made of comparisons: its degrees of freedom.

A mean of thirty teams of which each counts alike leaves 29 degrees of freedom for its jackknife
error. Of thirty teams two of which started, the error is made of these two, and has one. The
estimate is linear in the outcomes, and so is what it changes by without one of the teams. So the
jackknife's variance is a quadratic form, and Satterthwaite's degrees of freedom are its trace,
squared, over that of its square: where all teams spread alike, t with these has the mean and the
variance that the jackknife has.

Bell, McCaffrey (2002), Survey Methodology 28, 169-181; Imbens, Kolesar (2016), Rev. Econ. Stat. 98,
701-712; for the jackknife of differences in differences Hansen (2025), J. Appl. Econometrics 40.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from shared.kpis.comparisons import Comparisons, Start, week_of

__all__ = ["degrees_of_freedom"]

_Floats = npt.NDArray[np.float64]

# Whole degrees are found a little below themselves, in floating point.
_ROUNDING: Final = 1e-6


def degrees_of_freedom(
    starts: Sequence[Start],
    weeks: int,
    made_of: Comparisons,
    without: Mapping[Start, Comparisons],
) -> int:
    """Return the degrees of freedom of the jackknife over teams of a statistic, rounded down.

    `without` is what it is made of without one of the teams of each start: these count alike.
    """
    sizes = Counter(starts)
    kinds = sorted(sizes, key=week_of)
    counts = np.array([sizes[kind] for kind in kinds], dtype=np.float64)
    whole = _coefficients(kinds, sizes, weeks, made_of)
    # By the start of which one is left out: how much more a team of each start counts in each week.
    moved = np.stack(
        [
            _coefficients(kinds, sizes - Counter([kind]), weeks, without[kind]) - whole
            for kind in kinds
        ]
    )
    # What two teams that are left out have in common, as if every start had all of its teams; then
    # for those two themselves, of which neither counts where it is left out.
    flat = moved.reshape(len(kinds), -1)
    shared = flat @ (moved * counts[:, np.newaxis]).reshape(len(kinds), -1).T
    own = moved[np.arange(len(kinds)), np.arange(len(kinds))]
    apart = np.einsum("pw,qpw->pq", own + whole, moved)
    pairs = shared - apart - apart.T
    alone = shared.diagonal() - (own**2).sum(axis=1) + (whole**2).sum(axis=1)
    trace = float(counts @ alone)
    squares = float(counts @ pairs**2 @ counts + counts @ (alone**2 - pairs.diagonal() ** 2))
    return max(1, min(len(starts) - 1, math.floor(trace**2 / squares + _ROUNDING)))


def _coefficients(
    kinds: Sequence[Start], sizes: Counter[Start], weeks: int, made_of: Comparisons
) -> _Floats:
    """Return how much the outcome of a team of each start in each week counts in a statistic."""
    count_of = np.array([sizes[kind] for kind in kinds])
    started_in = np.array([week_of(kind) for kind in kinds])
    start, base, week, waiting, weight = np.array(made_of.parts).T
    place, weight = np.searchsorted(started_in, start), weight / made_of.whole
    found, waited = np.zeros((len(kinds), weeks)), np.zeros((weeks + 1, weeks))
    count_of_waiting = (started_in > np.arange(weeks)[:, np.newaxis]) @ count_of
    for day, share in ((week, weight), (base, -weight)):
        np.add.at(found, (place, day), share / count_of[place])
        np.add.at(waited, (waiting + 1, day), share / count_of_waiting[waiting])
    # Who starts after a week has waited in it, and so in all before.
    found -= waited.cumsum(axis=0)[np.minimum(started_in, weeks).astype(np.int64)]
    return found
