"""What is asked about returns, and the money of an answer that no attribution model decides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from tests.property.oracle.attribution import MODELS
from tests.property.oracle.contributions import ADVOCACY
from tests.property.oracle.crediting import Asked
from tests.property.oracle.rates import rate_on
from tests.property.oracle.returns import Savings, Value, break_even, savings
from tests.property.oracle.spending import cost_of
from tests.property.oracle.whole import Whole
from tests.property.saying import FIRST_DAY

__all__ = ["Expected", "Question", "any_question"]


@dataclass(frozen=True)
class Question:
    """What is asked: a period, and everything a caller can choose about it."""

    start: date
    end: date
    basis: str
    channel: str
    model: str
    cost_basis: str
    months: int | None
    method: str
    hired_by: date
    window_days: int | None
    half_life: str | None
    order: int
    group_by: str | None
    conversion: str
    today: date
    age_unit: str

    def asked(self, **changes: Any) -> Asked:
        """Return what the oracle is asked; ``changes`` are what it is told instead."""
        told = Asked(self.start, self.end, self.basis, kind=self.conversion, today=self.today)
        return replace(told, **changes)

    def query(self, *names: str) -> dict[str, Any]:
        """Return the parameters of the request: those every one has, and ``names``."""
        given = {
            "from": self.start,
            "to": self.end,
            "basis": self.basis,
            "channel": self.channel,
            "cost_basis": self.cost_basis,
            "amortize_months": self.months,
            "recruiting_method": self.method,
            "recruiting_to": self.hired_by,
            "model": self.model,
            "window_days": self.window_days,
            "half_life_days": self.half_life,
            "order": self.order,
            "group_by": self.group_by,
            "conversion": self.conversion,
            "age_unit": self.age_unit,
        }
        return {name: given[name] for name in names}


@dataclass(frozen=True)
class Expected:
    """What the oracle says of the money of a question, but for the credit.

    ``spent`` is the cost by category, nothing if none was ever booked; ``margin`` the rate of the
    period's last day, as are those of recruiting.
    """

    spent: Mapping[str, Fraction] | None
    margin: Value
    savings: Savings
    held: frozenset[str]

    @classmethod
    def of(cls, question: Question, oracle: Whole) -> "Expected":
        """Compute it."""
        history, stated = oracle.history, oracle.stated
        spent = cost_of(
            history,
            question.start,
            question.end,
            basis=question.cost_basis,
            months=question.months,
        )
        last = question.end - timedelta(days=1)
        saved = Savings(None, [])
        if question.channel == ADVOCACY:
            saved = savings(
                history,
                stated,
                question.start,
                question.hired_by,
                method=question.method,
                on=last,
            )
        return cls(
            spent=spent,
            margin=rate_on(stated, "gross_margin", last),
            savings=saved,
            held=oracle.held,
        )

    @property
    def cost(self) -> Value:
        """Return the cost of all categories."""
        return None if self.spent is None else sum(self.spent.values(), Fraction(0))

    def knows(self, conversion: str = "deal") -> bool:
        """Tell whether any such conversion was ever told."""
        told = {"deal": "opportunities"}.get(conversion, f"{conversion}s.linear")
        return told in self.held

    def cash(self, credit: Value) -> Value:
        """Return the value of the cash form."""
        saved = self.savings.total
        earned = self.earned(credit)
        return None if earned is None or saved is None else earned + saved

    def earned(self, credit: Value) -> Value:
        """Return the margin of credited revenue."""
        return None if credit is None or self.margin is None else credit * self.margin

    def break_evens(self) -> dict[str, Fraction]:
        """Return the break-even of each form that has one."""
        points = {
            "revenue": break_even(self.cost, Fraction(1), Fraction(0)),
            "margin": break_even(self.cost, self.margin, Fraction(0)),
            "cash": break_even(self.cost, self.margin, self.savings.total),
        }
        return {form: point for form, point in points.items() if point is not None}


_ENDS = (FIRST_DAY + timedelta(days=13), date(2025, 5, 10))
_CHOICES: Mapping[str, Sequence[Any]] = {
    "start": (FIRST_DAY - timedelta(days=30), FIRST_DAY + timedelta(days=7)),
    "end": _ENDS,
    "basis": ("cohort", "period"),
    "channel": (*("employee_advocacy",) * 3, "brand"),
    "model": MODELS,
    "cost_basis": ("full", "cash"),
    "months": (None, None, 1, 3),
    "method": ("R1", "R2", "R3", "R2+R3"),
    "hired_by": _ENDS,
    "window_days": (None, None, 3, 9, 90, 0),
    "half_life": (None, "measured", "1", "7", "2.5"),
    "order": (1, 1, 2, 3),
    "conversion": ("deal", "deal", "lead", "lead", "application", "hire"),
    "today": [FIRST_DAY + timedelta(days=n) for n in (12, 16, 20, 30, 200)],
    "age_unit": ("month", "week"),
    "group_by": (None, "employee", "team", "network", "campaign", "content", "channel"),
}
any_question = st.builds(
    Question, **{name: st.sampled_from(values) for name, values in _CHOICES.items()}
)
