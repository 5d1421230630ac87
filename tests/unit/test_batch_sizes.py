"""How large batches are after one of them took too long."""

from uuid import uuid4

import pytest

from services.metrics.batches import BatchSizes

TOO_LONG = TimeoutError("canceling statement due to statement timeout")


def test_what_took_too_long_is_a_thirty_second_until_it_has_grown_back() -> None:
    org, other, sizes = uuid4(), uuid4(), BatchSizes(50_000)

    sizes.shrink(org, 50_000, TOO_LONG)
    grown = []
    while sizes.of(org) < 50_000:
        grown.append(sizes.of(org))
        sizes.grow(org)

    assert grown[:4] == [1562, 1953, 2442, 3053]
    assert len(grown) == 16
    assert sizes.of(other) == 50_000


def test_it_never_grows_beyond_the_largest() -> None:
    org, sizes = uuid4(), BatchSizes(50_000)

    sizes.grow(org)

    assert sizes.of(org) == 50_000


def test_a_batch_that_failed_counts_by_its_own_size() -> None:
    org, sizes = uuid4(), BatchSizes(50_000)
    sizes.shrink(org, 50_000, TOO_LONG)
    sizes.grow(org)

    # A call that goes on as it began fails after others have let the next one be larger.
    sizes.shrink(org, 1562, TOO_LONG)

    assert sizes.of(org) == 48


def test_a_single_entry_that_takes_too_long_is_an_error() -> None:
    org, sizes = uuid4(), BatchSizes(2)
    sizes.shrink(org, 2, TOO_LONG)

    assert sizes.of(org) == 1
    with pytest.raises(TimeoutError):
        sizes.shrink(org, 1, TOO_LONG)
