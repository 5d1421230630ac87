"""How many random histories are tried: EARNED_PROPERTY_PROFILE=ci (the default), long or brief.

The default draws the same histories each time, so that a run tells of the change under test and of
nothing else; ``EARNED_PROPERTY_PROFILE=long pytest tests/property`` draws 600 new ones, for half an
hour. A failure prints the smallest history found and the line that replays it.
"""

import os

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.internal.conjecture.engine import ConjectureRunner

from tests.property.drawing import LONG, USUAL

# Their assertions then show both sides, as a test's do.
pytest.register_assert_rewrite(
    "tests.property.adding", "tests.property.expecting", "tests.property.shown"
)

# A history takes as long as its database does. The pool is shared by all histories of a test on
# purpose: each of them has an organization of its own.
_SLOW_AND_SHARED = (
    HealthCheck.too_slow,
    HealthCheck.function_scoped_fixture,
    HealthCheck.data_too_large,
)
_COMMON = settings(
    deadline=None,
    print_blob=True,
    report_multiple_bugs=False,
    suppress_health_check=_SLOW_AND_SHARED,
    # Explaining a failure would run it many times more.
    phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
)

settings.register_profile("ci", parent=_COMMON, max_examples=USUAL, derandomize=True)
settings.register_profile("long", parent=_COMMON, max_examples=LONG)
# The same few histories each time, and none made smaller: to tell whether anything is wrong at all.
settings.register_profile(
    "brief", parent=_COMMON, max_examples=25, derandomize=True, phases=(Phase.generate,)
)
settings.load_profile(os.environ.get("EARNED_PROPERTY_PROFILE", "ci"))


@pytest.fixture(autouse=True)
def _each_history_is_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every example be drawn anew.

    After the first ten, Hypothesis tries five variations of each example: of fifty histories forty
    would be one of eight, folded in slightly other batches. See ``test_drawing``.
    """
    monkeypatch.setattr(ConjectureRunner, "generate_mutations_from", lambda *_: None)
