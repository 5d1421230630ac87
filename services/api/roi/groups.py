"""Credit by group, small teams together."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Final

from services.api.dependencies import Access
from services.api.freshness import Freshness, answer_day
from services.api.privacy import disclosure_of, require_people
from services.api.roi.queries import ComparisonQuery
from services.api.roi.repository import Basis, Credits
from services.api.roi.schemas import GroupCredit
from shared.kpis.periods import Period
from shared.kpis.privacy import Disclosure
from shared.kpis.vocabulary import Dimension
from shared.money import round_money

__all__ = ["group_credits", "may_be_shown"]

_ALL: Final = Disclosure(frozenset(), ())


async def may_be_shown(access: Access, query: ComparisonQuery, freshness: Freshness) -> Disclosure:
    """Return which groups of credit may be shown.

    Raises:
        InsufficientScope: credit would be divided by employee, and the caller may not see people.
    """
    require_people(access, {}, query.group_by)
    if query.group_by is not Dimension.TEAM:
        return _ALL
    end = query.to
    if query.basis is Basis.COHORT:
        # A team is that of the day of close, which may come long after the touch.
        end = max(end, answer_day(access.org, freshness) + timedelta(days=1))
    return await disclosure_of(access, Period(query.from_, end))


def group_credits(credits: Iterable[Credits], digits: int, shown: Disclosure) -> list[GroupCredit]:
    """Return the credit by group: those without a group after the others, small ones last."""
    sums: dict[str, Decimal] = {}
    for credit in credits:
        sums[credit.group] = sums.get(credit.group, Decimal(0)) + credit.amount
    ordered = sorted(sums.items(), key=lambda item: (not item[0], -item[1], item[0]))
    groups = [
        GroupCredit(
            group=group or None, amount=round_money(amount, digits), suppressed=False, merged=[]
        )
        for group, amount in ordered
        if group not in shown.hidden
    ]
    groups += [
        GroupCredit(group=group or None, amount=None, suppressed=True, merged=[])
        for group in sorted(shown.hidden & sums.keys())
    ]
    if shown.merged and shown.hidden & sums.keys():
        together = sum((sums.get(group, Decimal(0)) for group in shown.merged), Decimal(0))
        groups.append(
            GroupCredit(
                group=" + ".join(shown.merged),
                amount=round_money(together, digits),
                suppressed=False,
                merged=list(shown.merged),
            )
        )
    return groups
