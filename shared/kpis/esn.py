"""The internal network: what a corporate social network saved in a year, as an indirect ROI.

Nothing here is measured by itself: every line is modelled from stated inputs, and says so. What
articles claim about productivity in general is shown beside the statement as a claim nobody
verified, and is never part of it: nothing ties it to the company.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

from shared.kpis.assumptions import ASSUMPTIONS, default_values
from shared.kpis.expressions import names, parse
from shared.kpis.roi import Roi, RoiForm, roi
from shared.kpis.value import Overlaps, ValueClass, ValueKind, ValueLine, value_line
from shared.kpis.vocabulary import Grade

__all__ = ["EsnLine", "esn_claims", "esn_inputs", "esn_lines", "esn_roi"]


class EsnLine(StrEnum):
    """A saving of the internal network."""

    LEAVERS_AVOIDED = ValueKind.LEAVERS_AVOIDED.value
    TIME_SAVED = ValueKind.TIME_SAVED.value
    MAIL_AVOIDED = ValueKind.MAIL_AVOIDED.value
    IDEAS = ValueKind.IDEAS.value


_FORMULAS: Mapping[EsnLine, tuple[str, ValueClass, Grade]] = {
    EsnLine.LEAVERS_AVOIDED: (
        "esn.adaptation_quits * esn.quit_reduction * esn.replacement_cost",
        ValueClass.AVOIDED_COST,
        Grade.MODELLED,
    ),
    EsnLine.TIME_SAVED: (
        "esn.people * esn.minutes_saved_per_day / 60 * esn.work_days * esn.hourly_rate"
        " * esn.realization",
        ValueClass.MODELLED,
        Grade.MODELLED,
    ),
    EsnLine.MAIL_AVOIDED: (
        "esn.mails_avoided * esn.minutes_per_mail / 60 * esn.hourly_rate * esn.realization",
        ValueClass.MODELLED,
        Grade.MODELLED,
    ),
    EsnLine.IDEAS: ("esn.ideas_value", ValueClass.AVOIDED_COST, Grade.MODELLED),
}
# Counted, by the company, against teams without the network: better than a published part. But no
# better than what a leaver is said to cost.
_COUNTED_LEAVERS = "esn.leavers_avoided * esn.replacement_cost"
# Practitioners' articles: productivity grows by 25 to 30 %. The lower end, of an 8-hour day.
_PRODUCTIVITY = "esn.people * esn.work_days * 8 * esn.hourly_rate * 0.25"
_ALWAYS = (EsnLine.LEAVERS_AVOIDED, EsnLine.TIME_SAVED)


def esn_inputs() -> tuple[str, ...]:
    """Return the assumptions a statement may use."""
    return tuple(key for key in ASSUMPTIONS if key.startswith("esn."))


def esn_lines(
    assumptions: Mapping[str, Decimal | None],
    kinds: Sequence[EsnLine] | None = None,
    *,
    measured: Collection[str] = (),
) -> list[ValueLine]:
    """Return a year's lines of saving; leavers are those counted, if the company states them.

    Unless ``kinds`` chooses, they are leavers avoided and time saved, and ideas where the company
    states what these were worth: not every network has any. Mail avoided is a part of time saved.

    ``measured`` names the assumptions that the company measured. A line is measured if all of its
    own are; a published price of a measured quantity makes a model of it.
    """
    inputs = {**default_values(), **assumptions}
    formulas = dict(_FORMULAS)
    if inputs["esn.leavers_avoided"] is not None:
        is_measured = set(names(parse(_COUNTED_LEAVERS))) <= set(measured)
        grade = Grade.MEASURED if is_measured else Grade.MODELLED
        formulas[EsnLine.LEAVERS_AVOIDED] = (_COUNTED_LEAVERS, ValueClass.AVOIDED_COST, grade)
    if kinds is None:
        has_ideas = inputs["esn.ideas_value"] is not None
        kinds = (*_ALWAYS, EsnLine.IDEAS) if has_ideas else _ALWAYS
    return [
        value_line(ValueKind(kind.value), formula, inputs, value_class=value_class, grade=grade)
        for kind in dict.fromkeys(kinds)
        for formula, value_class, grade in (formulas[kind],)
    ]


def esn_claims(assumptions: Mapping[str, Decimal | None]) -> list[ValueLine]:
    """Return what is claimed of internal networks, at the company's size: not to be counted."""
    inputs = {**default_values(), **assumptions}
    return [
        value_line(
            ValueKind.PRODUCTIVITY,
            _PRODUCTIVITY,
            inputs,
            value_class=ValueClass.CLAIMED,
            grade=Grade.CLAIMED,
        )
    ]


def esn_roi(
    assumptions: Mapping[str, Decimal | None],
    kinds: Sequence[EsnLine] | None = None,
    overlaps: Overlaps = Overlaps.REFUSED,
    *,
    measured: Collection[str] = (),
) -> Roi:
    """Return (saving - cost) / cost of a year; ``kinds`` and ``measured`` as for `esn_lines`.

    Raises `OverlappingValue` for lines that hold the same time, as time saved and mail avoided do,
    unless overlaps are accepted.
    """
    lines = esn_lines(assumptions, kinds, measured=measured)
    return roi(RoiForm.INTERNAL_NETWORK, lines, assumptions.get("esn.cost"), overlaps)
