"""A run tries as many different histories as it says."""

from hypothesis import given

from tests.property.drawing import USUAL, one_in
from tests.property.worlds import Delivery, Setting, Step, histories, settings, steps


def test_hardly_a_history_is_drawn_twice() -> None:
    drawn = []

    @one_in(1)
    @given(settings, histories(), steps)
    def look(setting: Setting, deliveries: list[Delivery], plan: list[Step]) -> None:
        drawn.append(tuple(deliveries))

    look()
    assert len(drawn) >= USUAL
    assert len(set(drawn)) > len(drawn) * 9 // 10
