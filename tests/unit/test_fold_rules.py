"""A change of the fold says whether it changes the rules: nobody is told to rebuild otherwise."""

import json

from shared.rollups.rules import CATALOGUE_VERSION, RULES
from tests.fold_rules import RECORD, digest, parts

_ASKED = """
What the fold is made of has changed: {changed}.

Are the same facts folded to other measures, state or credit now, or to more of them? They are if
the oracle, the verification or an expected figure had to change with it.

  yes: say in shared/rollups/rules.py what changed, as the next number. Whoever runs Earned is told
       to rebuild then. A number that was never released takes it in instead of a further one.
  no:  leave the number.

Then record the answer: python -m tests.fold_rules
"""
_MODULE = '''
"""What it is."""
from shared import clock  # why

#: How many.
MOST = 3


def query() -> str:
    """Return it."""
    return """
        SELECT a -- the first
          FROM b
    """
'''


def test_whoever_changes_the_fold_has_said_whether_figures_change() -> None:
    recorded = json.loads(RECORD.read_text(encoding="utf-8"))
    found = parts()
    names = sorted(recorded["parts"].keys() | found.keys())
    changed = [name for name in names if recorded["parts"].get(name) != found.get(name)]

    assert not changed, _ASKED.format(changed=", ".join(changed))
    assert recorded["rules"] == CATALOGUE_VERSION == len(RULES), (
        "record: python -m tests.fold_rules"
    )


def test_all_that_the_fold_does_is_part_of_it() -> None:
    found = parts()

    # Told, stepped, credited, divided; imported by name, as a room, and where it is needed.
    assert {
        "services.metrics.keyed.posts",
        "services.metrics.crediting",
        "services.metrics.slices",
        "shared.attribution.dividing",
        "shared.kpis.vocabulary.AttributionModel",
        "shared.kpis.vocabulary.CostCategory",
        "shared.rollups.booked",
        "shared.rollups.contributions",
        "shared.rollups.converting",
    } <= found.keys()
    # Nor is what reads figures, or verifies them.
    assert not [
        name for name in found if "verify" in name or name.startswith("shared.rollups.list")
    ]


def test_what_is_said_about_a_module_is_no_part_of_what_it_does() -> None:
    same = _MODULE.replace("# why", "# for tests").replace(
        '"""Return it."""', '"""Return\n    them."""'
    )
    same = same.replace("#: How many.", "#: The most.").replace("-- the first", "-- one of two")
    assert digest(same.replace("SELECT a", "SELECT\n            a")) == digest(_MODULE)

    for was, now in (("MOST = 3", "MOST = 4"), ("FROM b", "FROM c"), ("SELECT a", "SELECT a, b")):
        assert digest(_MODULE.replace(was, now)) != digest(_MODULE)
