"""Student's t where it has a closed form: with 1, 2 and 4 degrees, and with very many."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from shared.kpis.student import t_quantile, two_sided_p

DISTANCES = (1e-6, 0.01, 0.3, 1.0, 1.7, 2.5, 6.0, 40.0, 1e4)
PROBABILITIES = (0.501, 0.6, 0.75, 0.9, 0.975, 0.999, 1 - 1e-7)


def _p(t: float, degrees: int) -> float:
    """Return the two-sided probability, written so that small ones keep their digits."""
    if degrees == 1:
        return 2 / math.pi * math.atan2(1, t)
    root = math.sqrt(degrees + t * t)
    # 1 - t / root, without the cancellation.
    rest = degrees / (root * (root + t))
    return rest if degrees == 2 else rest**2 * (2 + t / root) / 2


@pytest.mark.parametrize("degrees", [1, 2, 4])
@pytest.mark.parametrize("t", DISTANCES)
def test_probabilities_are_the_closed_form(t: float, degrees: int) -> None:
    assert two_sided_p(t, degrees) == pytest.approx(_p(t, degrees), rel=1e-10)
    assert two_sided_p(-t, degrees) == two_sided_p(t, degrees)


@pytest.mark.parametrize("t", [0.1, 1.0, 2.0, 4.0])
def test_very_many_degrees_are_the_normal_distribution(t: float) -> None:
    assert two_sided_p(t, 1e5) == pytest.approx(2 * NormalDist().cdf(-t), rel=1e-3)


@pytest.mark.parametrize("degrees", [1, 1.5, 2.3312, 7, 30, 400.5])
@pytest.mark.parametrize("probability", PROBABILITIES)
def test_a_quantile_has_its_probability(probability: float, degrees: float) -> None:
    quantile = t_quantile(probability, degrees)

    assert two_sided_p(quantile, degrees) == pytest.approx(2 * (1 - probability), rel=1e-8)


@pytest.mark.parametrize("probability", PROBABILITIES)
def test_quantiles_are_the_closed_form(probability: float) -> None:
    # Of one degree the tangent; of two 2 (p - 1/2) sqrt(2 / (1 - (2p - 1)²)).
    central = 2 * probability - 1

    assert t_quantile(probability, 1) == pytest.approx(math.tan(math.pi * central / 2), rel=1e-8)
    assert t_quantile(probability, 2) == pytest.approx(
        central * math.sqrt(2 / (4 * probability * (1 - probability))), rel=1e-8
    )


@pytest.mark.parametrize(
    ("probability", "degrees"), [(0.4999, 5), (1.0, 5), (1.5, 5), (0.9, 0.99), (0.9, 0)]
)
def test_what_is_no_quantile_is_refused(probability: float, degrees: float) -> None:
    with pytest.raises(ValueError, match=f"no quantile of {probability} with {degrees} degrees"):
        t_quantile(probability, degrees)


def test_the_ends() -> None:
    assert two_sided_p(0.0, 3) == 1
    assert two_sided_p(math.inf, 3) == 0
    assert two_sided_p(1e200, 3) == 0
    assert t_quantile(0.5, 3) == pytest.approx(0, abs=1e-14)
