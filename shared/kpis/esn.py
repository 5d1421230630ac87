"""The internal network: what a corporate social network saved in a year, as an indirect ROI.

Nothing here is measured by itself: every line is modelled from stated inputs, and says so. Claims
about productivity in general have no line, because nothing ties them to the company.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from shared.kpis.assumptions import default_values
from shared.kpis.roi import Roi, RoiForm, roi
from shared.kpis.value import ValueClass, ValueKind, ValueLine, value_line
from shared.kpis.vocabulary import Grade

__all__ = ["DEFAULT_LINES", "esn_lines", "esn_roi"]

_FORMULAS: Mapping[ValueKind, str] = {
    ValueKind.LEAVERS_AVOIDED: ("esn.adaptation_quits * esn.quit_reduction * esn.replacement_cost"),
    ValueKind.TIME_SAVED: (
        "esn.people * esn.minutes_saved_per_day / 60 * esn.work_days * esn.hourly_rate"
        " * esn.realization"
    ),
    ValueKind.MAIL_AVOIDED: (
        "esn.mails_avoided * esn.minutes_per_mail / 60 * esn.hourly_rate * esn.realization"
    ),
    ValueKind.IDEAS: "esn.ideas_value",
}
DEFAULT_LINES = (ValueKind.LEAVERS_AVOIDED, ValueKind.TIME_SAVED)
"""The lines of a statement that does not choose its own."""


def esn_lines(
    assumptions: Mapping[str, Decimal | None], kinds: Sequence[ValueKind] = DEFAULT_LINES
) -> list[ValueLine]:
    """Return a year's lines of saving. Raises `KeyError` for a kind of another statement."""
    inputs = {**default_values(), **assumptions}
    return [
        value_line(
            kind,
            _FORMULAS[kind],
            inputs,
            value_class=ValueClass.AVOIDED_COST,
            grade=Grade.MODELLED,
        )
        for kind in kinds
    ]


def esn_roi(
    assumptions: Mapping[str, Decimal | None], kinds: Sequence[ValueKind] = DEFAULT_LINES
) -> Roi:
    """Return (saving - cost) / cost of a year.

    Raises `OverlappingValue` for lines that hold the same time, as time saved and mail avoided do.
    """
    return roi(RoiForm.INTERNAL_NETWORK, esn_lines(assumptions, kinds), assumptions.get("esn.cost"))
