"""The removal effect: against walks written out, against itself by other means, and by hand."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.attribution import markov
from shared.attribution.markov import (
    TOLERANCE,
    Chain,
    PathCount,
    RemovalEffects,
    chain_of,
    removal_effects,
)
from shared.attribution.sharing import ChannelPart, amounts_of_channels, amounts_of_parts

GOLDEN = [
    *(
        PathCount(path.split(), 1, 1)
        for path in ("EA BR EA", "EA", "AD EA", "BR AD", "EA AD BR", "BR EA AD EA")
    ),
    *(PathCount(path.split(), 1, 0) for path in ("EA", "BR EA", "AD", "AD BR")),
]

channels = st.sampled_from("ABCD")
counts = st.integers(1, 9)
paths = st.lists(
    st.builds(
        lambda path, journeys, converted: PathCount(path, journeys, min(journeys, converted)),
        st.lists(channels, min_size=1, max_size=6),
        counts,
        st.integers(0, 9),
    ),
    min_size=1,
    max_size=12,
)
orders = st.integers(1, 3)


def effects_of(told: list[PathCount], order: int = 1) -> RemovalEffects:
    effects = removal_effects(chain_of(told, order=order))
    assert effects is not None
    return effects


def test_the_golden_removal_effects() -> None:
    effects = effects_of(GOLDEN)

    assert effects.probability == Fraction(3, 5)
    assert {line.channel: (line.without, line.effect) for line in effects.channels} == {
        "EA": (Fraction(9, 68), Fraction(53, 68)),
        "BR": (Fraction(31, 100), Fraction(29, 60)),
        "AD": (Fraction(163, 510), Fraction(143, 306)),
    }
    assert amounts_of_channels(effects, Decimal(60_000), exponent=2) == {
        "EA": Decimal("27030.60"),
        "BR": Decimal("16762.37"),
        "AD": Decimal("16207.03"),
    }


def _by_walking(chain: Chain, without: str | None) -> Fraction:
    """Return the probability to convert, walking until next to nobody is still under way."""
    under_way = {markov.START: 1.0}
    arrived = 0.0
    while sum(under_way.values()) > 1e-12:
        following: dict[tuple[str, ...], float] = {}
        for state, mass in under_way.items():
            leaving = chain.leaving(state)
            arrived += mass * chain.converted.get(state, 0) / leaving
            for to, count in chain.moves.get(state, {}).items():
                if to[-1] != without:
                    following[to] = following.get(to, 0.0) + mass * count / leaving
        under_way = following
    return Fraction(arrived)


@given(paths, orders)
def test_probabilities_are_those_of_a_long_walk(told: list[PathCount], order: int) -> None:
    chain = chain_of(told, order=order)
    effects = removal_effects(chain)
    if effects is None:
        assert all(not path.converted for path in told)
        return
    assert abs(effects.probability - _by_walking(chain, None)) < Fraction(1, 10**9)
    for line in effects.channels:
        assert abs(line.without - _by_walking(chain, line.channel)) < Fraction(1, 10**9)
        assert line.effect == 1 - line.without / effects.probability
        assert line.effect >= 0
    assert sum(line.share for line in effects.channels) == 1
    assert effects.error == 0


@given(paths, orders)
def test_what_is_enclosed_holds_the_exact_solution(told: list[PathCount], order: int) -> None:
    chain = chain_of(told, order=order)
    for channel in chain.channels:
        system = markov._system(chain, channel)
        exact = markov._eliminated(system)
        near, error = markov._enclosed(system)
        assert abs(near - exact) <= error <= TOLERANCE


def test_a_channel_without_effect_earns_nothing_where_effects_are_enclosed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(markov, "EXACT_STATES", 0)
    effects = effects_of([PathCount("ABA", 7, 3), PathCount("BABB", 5, 1), PathCount("AZ", 2, 0)])

    assert effects.error > 0
    assert {line.channel: line.share for line in effects.channels}["Z"] == 0
    assert amounts_of_channels(effects, Decimal(100), exponent=2)["Z"] == 0


@given(paths, paths, orders)
def test_counts_of_journeys_add_up(one: list[PathCount], two: list[PathCount], order: int) -> None:
    together = chain_of([*one, *two], order=order)
    parts = chain_of(one, order=order), chain_of(two, order=order)

    for state in together.states:
        assert together.leaving(state) == sum(part.leaving(state) for part in parts)
        assert together.converted.get(state, 0) == sum(p.converted.get(state, 0) for p in parts)


def test_many_states_are_solved_within_the_stated_error() -> None:
    names = [f"c{number}" for number in range(9)]
    told = [PathCount([a, b, a, c], 3, 1) for a in names for b in names for c in names]
    chain = chain_of(told, order=2)
    assert len(chain.states) > markov.EXACT_STATES

    effects = effects_of(told, 2)

    assert 0 < effects.error <= TOLERANCE
    # The channels are interchangeable, and so must their effects be.
    shares = [line.share for line in effects.channels]
    assert max(shares) - min(shares) < Fraction(1, 10**17)
    assert sum(shares) == 1


def test_nothing_converted_gives_no_effect() -> None:
    assert removal_effects(chain_of([PathCount(["A"], 5, 0)])) is None
    assert removal_effects(chain_of([])) is None


@pytest.mark.parametrize("order", [0, 4])
def test_orders_beyond_reason_are_refused(order: int) -> None:
    with pytest.raises(ValueError, match="between 1 and 3"):
        chain_of(GOLDEN, order=order)


def _part(channel: str, group: str, amount: str, **told: object) -> ChannelPart:
    fields = {"is_asked": True, "touches": 1, "share": Decimal(1)} | told
    return ChannelPart(channel=channel, group=group, amount=Decimal(amount), **fields)  # type: ignore[arg-type]


def test_parts_of_a_channel_share_its_amount_as_the_linear_model_does() -> None:
    parts = [_part("A", "x", "1.00"), _part("A", "y", "2.00"), _part("B", "x", "5.00")]

    divided = amounts_of_parts({"A": Decimal("10.00"), "B": Decimal("0.01")}, parts, exponent=2)

    assert {(part.channel, part.group): str(amount) for part, amount in divided} == {
        ("A", "x"): "3.33",
        ("A", "y"): "6.67",
        ("B", "x"): "0.01",
    }


def test_a_part_that_earned_nothing_beside_one_that_did_gets_nothing() -> None:
    parts = [
        _part("A", "x", "0.00", share=Decimal("0.50")),
        _part("A", "y", "2.00", share=Decimal("0.50")),
    ]

    divided = amounts_of_parts({"A": Decimal("10.00")}, parts, exponent=2)

    assert [amount for _, amount in divided] == [0, 10]


def test_deals_of_nothing_are_shared_by_number_and_lost_journeys_by_touches() -> None:
    parts = [
        _part("A", "x", "0", share=Decimal("0.25")),
        _part("A", "y", "0", share=Decimal("0.75")),
        _part("B", "x", "0", share=Decimal(0), touches=1),
        _part("B", "y", "0", share=Decimal(0), touches=4),
    ]

    divided = amounts_of_parts({"A": Decimal(4), "B": Decimal(5)}, parts, exponent=0)

    assert [int(amount) for _, amount in divided] == [1, 3, 1, 4]


def test_a_channel_without_an_amount_earned_nothing() -> None:
    parts = [_part("A", "x", "1.00"), _part("B", "x", "1.00")]

    divided = amounts_of_parts({"A": Decimal("10.00")}, parts, exponent=2)

    assert [amount for _, amount in divided] == [10, 0]


amounts = st.decimals(0, 10**6, places=2)


@given(
    st.lists(
        st.builds(
            ChannelPart,
            st.just("A"),
            st.sampled_from(["x", "y", "z", "w"]),
            st.booleans(),
            counts,
            amounts,
            st.just(Decimal("0.5")),
        ),
        min_size=1,
        max_size=8,
    ),
    st.decimals(-(10**6), 10**6, places=2),
)
def test_dividing_finer_never_changes_what_is_asked_about(
    parts: list[ChannelPart], amount: Decimal
) -> None:
    divided = amounts_of_parts({"A": amount}, parts, exponent=2)
    merged = [
        ChannelPart(
            "A",
            "",
            is_asked,
            sum(p.touches for p in parts if p.is_asked is is_asked),
            sum((p.amount for p in parts if p.is_asked is is_asked), Decimal(0)),
            sum((p.share for p in parts if p.is_asked is is_asked), Decimal(0)),
        )
        for is_asked in {part.is_asked for part in parts}
    ]
    coarse = amounts_of_parts({"A": amount}, merged, exponent=2)

    assert sum(earned for _, earned in divided) == amount
    assert sum(earned for part, earned in divided if part.is_asked) == sum(
        earned for part, earned in coarse if part.is_asked
    )
