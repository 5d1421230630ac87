"""Which measures share a row: declared families, and places that never move."""

from itertools import permutations

from shared.kpis.measures import MEASURES, Kept
from shared.rollups.layout import FAMILIES, WIDTH, Place, assign


def test_a_declared_family_shares_rows_and_others_stay_alone() -> None:
    places = assign({}, ["impressions_advocacy", "reactions_advocacy", "sessions", "not_declared"])

    assert places["impressions_advocacy"].family == places["reactions_advocacy"].family
    assert len({place.family for place in places.values()}) == 3
    assert places["not_declared"].slot == 1


def test_a_place_is_kept_and_a_late_member_joins_its_family() -> None:
    held = {"clicks": Place(4, 1), "shares": Place(4, 3)}

    places = assign(held, ["shares", "shares_own", "sessions"])

    assert places == {"shares_own": Place(4, 7), "sessions": Place(5, 1)}


def test_a_column_that_is_another_s_is_left_for_the_first_free_one() -> None:
    held = {"clicks": Place(4, 7), "shares": Place(4, 1)}

    assert assign(held, ["shares_own"]) == {"shares_own": Place(4, 2)}


def test_a_family_begun_anew_lies_in_the_declared_order() -> None:
    family = FAMILIES["advocacy"]

    places = assign({}, family)

    assert [places[measure].slot for measure in family] == list(range(1, len(family) + 1))


def test_the_outcome_does_not_depend_on_the_order_of_mention() -> None:
    wanted = ["cost", "cost.content", "sessions", "zebra", "clicks"]

    assert len({tuple(sorted(assign({}, w).items())) for w in permutations(wanted)}) == 1


def test_no_two_measures_share_a_column_and_a_full_row_goes_on_in_another() -> None:
    cost = FAMILIES["cost"]
    assert len(cost) > WIDTH, "the test needs a family that one row cannot hold"

    places = assign({}, cost)

    assert len(set(places.values())) == len(cost)
    assert all(1 <= place.slot <= WIDTH for place in places.values())
    assert len({place.family for place in places.values()}) == 2


def test_every_declared_member_is_a_stored_measure_and_has_one_family() -> None:
    members = [measure for family in FAMILIES.values() for measure in family]

    assert len(members) == len(set(members))
    stored = {name for name, measure in MEASURES.items() if measure.kept is Kept.STORED}
    # What others are known by is stored as well, though nobody asks for it.
    stored |= {name for measure in MEASURES.values() for name in measure.known_by}
    assert set(members) <= stored
