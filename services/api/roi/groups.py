"""Credit by group, small teams together."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Final, NamedTuple

from services.api.dependencies import Access
from services.api.freshness import Freshness, answer_instant
from services.api.model import exact
from services.api.privacy import disclosure_of
from services.api.roi.comparison_schemas import GroupCredit
from services.api.roi.queries import ComparisonQuery
from services.api.roi.repository import Basis, Credits
from shared import clock
from shared.facts.fields import LATEST_AHEAD
from shared.kpis.periods import Period
from shared.kpis.privacy import Disclosure
from shared.kpis.vocabulary import Dimension
from shared.money import round_money

__all__ = ["Earned", "earned", "group_credits", "may_be_shown"]

_ALL: Final = Disclosure(frozenset(), ())


async def may_be_shown(
    access: Access, query: ComparisonQuery, window_days: int, freshness: Freshness
) -> Disclosure:
    """Return which groups of credit may be shown; ``window_days`` is what it was divided with."""
    if query.group_by is not Dimension.TEAM:
        return _ALL
    end = query.to
    if query.basis is Basis.COHORT:
        # A team is that of the day of close, which may come long after the touch, and be told a
        # little before it comes.
        ahead = clock.local_day(answer_instant(freshness) + LATEST_AHEAD, access.org.zone)
        end = max(end, min(end + timedelta(days=window_days), ahead + timedelta(days=1)))
    return await disclosure_of(access, Period(query.from_, end))


class Earned(NamedTuple):
    """What credit adds up to: money, of deals alone, and conversions in shares."""

    amount: Decimal | None
    conversions: Decimal

    @property
    def ranking(self) -> Decimal:
        """Return what decides whether this is more than another: money, where there is any."""
        return self.conversions if self.amount is None else self.amount


def earned(credits: Iterable[Credits], digits: int | None) -> Earned:
    """Return what credits add up to; ``digits`` are the currency's, None without money."""
    amount = conversions = Decimal(0)
    for credit in credits:
        amount += credit.amount
        conversions += credit.conversions
    return Earned(
        amount=None if digits is None else round_money(amount, digits),
        conversions=exact(conversions) or Decimal(0),
    )


def group_credits(
    credits: Iterable[Credits], digits: int | None, shown: Disclosure
) -> list[GroupCredit]:
    """Return the credit by group: those without a group after the others, small ones last."""
    by_group: dict[str, list[Credits]] = {}
    for credit in credits:
        by_group.setdefault(credit.group, []).append(credit)
    sums = {group: earned(of_group, digits) for group, of_group in by_group.items()}
    ordered = sorted(sums.items(), key=lambda item: (not item[0], -item[1].ranking, item[0]))
    groups = [
        _group(group or None, sum_, merged=())
        for group, sum_ in ordered
        if group not in shown.hidden
    ]
    hidden = sorted(shown.hidden & sums.keys())
    groups += [
        GroupCredit(group=group or None, amount=None, conversions=None, suppressed=True, merged=[])
        for group in hidden
    ]
    if shown.merged and hidden:
        together = [credit for group in shown.merged for credit in by_group.get(group, ())]
        groups.append(
            _group(" + ".join(shown.merged), earned(together, digits), merged=shown.merged)
        )
    return groups


def _group(name: str | None, sum_: Earned, *, merged: Sequence[str]) -> GroupCredit:
    return GroupCredit(
        group=name,
        amount=sum_.amount,
        conversions=sum_.conversions,
        suppressed=False,
        merged=list(merged),
    )
