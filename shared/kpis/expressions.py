"""Formulas: a tiny language of names, numbers, + - * / and parentheses.

Names may contain dots (`revenue.linear`). Arithmetic is exact, on fractions; a missing input or a
denominator that is not above zero makes the whole result null and says why, and never becomes a
zero. Below zero is what networks make of a period in which they take more views back than they
count: a part of less than nothing is no part, and its sign would say the opposite of what happened.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction

__all__ = [
    "NEGATIVE_DENOMINATOR",
    "ZERO_DENOMINATOR",
    "Binary",
    "Evaluation",
    "Expression",
    "InvalidExpression",
    "Name",
    "Number",
    "evaluate",
    "exact_text",
    "names",
    "no_quotient",
    "parse",
    "render",
    "rounded",
    "substitute",
]

_LONGEST = 500
# Never rounds: it only moves the point of whole numbers.
_WIDE = Context(prec=1000)
_OPERATORS: Mapping[type[ast.operator], str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
}
_PRECEDENCE = {"+": 1, "-": 1, "*": 2, "/": 2}
ZERO_DENOMINATOR = "zero_denominator"
"""The null reason of a division by zero."""
NEGATIVE_DENOMINATOR = "negative_denominator"
"""The null reason of a division by less than zero."""


class InvalidExpression(ValueError):
    """The text is not a formula of this language."""


@dataclass(frozen=True, slots=True)
class Number:
    """A literal, kept exactly as written."""

    value: Fraction
    text: str


@dataclass(frozen=True, slots=True)
class Name:
    """A measure, an assumption or another KPI."""

    id: str


@dataclass(frozen=True, slots=True)
class Binary:
    """Two expressions joined by one of + - * /."""

    operator: str
    left: Expression
    right: Expression


Expression = Number | Name | Binary


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a formula came to.

    `numerator` and `denominator` are set when the formula's last step is a division, also when
    `value` is null because the denominator is not above zero. `null_reason` is `zero_denominator`,
    `negative_denominator` or `missing:<name>`, the first one in reading order.
    """

    value: Fraction | None
    numerator: Fraction | None
    denominator: Fraction | None
    null_reason: str | None


def parse(text: str) -> Expression:
    """Read a formula. Raises `InvalidExpression` for anything outside the language."""
    if len(text) > _LONGEST:
        raise InvalidExpression(f"a formula has at most {_LONGEST} characters")
    source = text.strip()
    try:
        tree = ast.parse(source, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise InvalidExpression(f"{text!r} is not a formula") from error
    return _read(tree.body, source)


def _read(node: ast.expr, source: str) -> Expression:
    match node:
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return Binary(_OPERATORS[type(operator)], _read(left, source), _read(right, source))
        case ast.Constant(value=int() | float()) if not isinstance(node.value, bool):
            # The source text, not Python's float: 0.1 has to stay a tenth.
            literal = ast.get_source_segment(source, node) or ""
            if literal.replace(".", "", 1).isdecimal() and literal.isascii():
                return Number(Fraction(literal), literal)
        case ast.Name() | ast.Attribute():
            return Name(_dotted(node))
    raise InvalidExpression(f"{ast.unparse(node)!r} is not allowed in a formula")


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=owner, attr=name):
            return f"{_dotted(owner)}.{name}"
    raise InvalidExpression(f"{ast.unparse(node)!r} is not a name")


def names(expression: Expression) -> tuple[str, ...]:
    """Return the names a formula uses, once each, in reading order."""
    match expression:
        case Name(id=name):
            return (name,)
        case Binary(left=left, right=right):
            return tuple(dict.fromkeys(names(left) + names(right)))
        case Number():
            return ()


def substitute(expression: Expression, definitions: Mapping[str, Expression]) -> Expression:
    """Replace each defined name by its definition; other names stay."""
    match expression:
        case Name(id=name):
            return definitions.get(name, expression)
        case Binary(operator=operator, left=left, right=right):
            return Binary(operator, substitute(left, definitions), substitute(right, definitions))
        case Number():
            return expression


def evaluate(expression: Expression, values: Mapping[str, Fraction | None]) -> Evaluation:
    """Compute a formula exactly; a name that is absent or None is missing."""
    numerator = denominator = None
    try:
        if not (isinstance(expression, Binary) and expression.operator == "/"):
            return Evaluation(_compute(expression, values), None, None, None)
        numerator = _compute(expression.left, values)
        denominator = _compute(expression.right, values)
        return Evaluation(_divided(numerator, denominator), numerator, denominator, None)
    except _Missing as missing:
        return Evaluation(None, None, None, f"missing:{missing}")
    except _NoQuotient as reason:
        return Evaluation(None, numerator, denominator, str(reason))


def no_quotient(denominator: Fraction | Decimal | int) -> str | None:
    """Return why nothing can be divided by ``denominator``; None if it can."""
    if denominator > 0:
        return None
    return NEGATIVE_DENOMINATOR if denominator else ZERO_DENOMINATOR


class _Missing(Exception):
    """Carries a missing name out of the recursion, and never further."""


class _NoQuotient(Exception):
    """Carries the reason of a division that cannot be made out of the recursion."""


def _divided(numerator: Fraction, denominator: Fraction) -> Fraction:
    if reason := no_quotient(denominator):
        raise _NoQuotient(reason)
    return numerator / denominator


def _compute(expression: Expression, values: Mapping[str, Fraction | None]) -> Fraction:
    if isinstance(expression, Name):
        value = values.get(expression.id)
        if value is None:
            raise _Missing(expression.id)
        return value
    if isinstance(expression, Number):
        return expression.value
    left = _compute(expression.left, values)
    right = _compute(expression.right, values)
    match expression.operator:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case _:
            return _divided(left, right)


def render(expression: Expression, values: Mapping[str, Fraction | None] | None = None) -> str:
    """Write a formula with the fewest parentheses; with `values`, as the arithmetic of one case.

    A missing value is written as its name in brackets: `[headcount] / 3`.
    """
    match expression:
        case Number(text=text):
            return text
        case Name(id=name):
            if values is None:
                return name
            value = values.get(name)
            return f"[{name}]" if value is None else _operand(value)
        case Binary(operator=operator, left=left, right=right):
            outer = _PRECEDENCE[operator]
            left_text, right_text = render(left, values), render(right, values)
            if isinstance(left, Binary) and _PRECEDENCE[left.operator] < outer:
                left_text = f"({left_text})"
            # Everything here is read from the left: `a - (b + c)` and `a / (b * c)` keep theirs.
            is_alike = isinstance(right, Binary) and _PRECEDENCE[right.operator] <= outer
            if is_alike and operator != "+":
                right_text = f"({right_text})"
            return f"{left_text} {operator} {right_text}"


def rounded(value: Fraction, digits: int) -> Decimal:
    """Round to `digits` fraction digits, halves away from zero, as PostgreSQL's `round` does."""
    scaled = abs(value) * 10**digits
    units = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(units if value >= 0 else -units).scaleb(-digits, _WIDE)


def exact_text(value: Fraction, *, digits: int = 12) -> str:
    """Write a number without trailing zeros, cut to `digits` fraction digits if it never ends."""
    text = f"{rounded(value, digits):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _operand(value: Fraction) -> str:
    text = exact_text(value)
    return f"({text})" if value < 0 else text
