"""The comparison of what a forecast of a cohort rests on with what the oracle says of it."""

from collections import Counter
from decimal import Decimal
from fractions import Fraction
from typing import Final

from services.api.dependencies import Access
from services.api.roi.leads import open_leads, read_history
from shared.kpis.periods import Period
from shared.rollups.read import live_generation
from tests.property.oracle.ledger import History
from tests.property.oracle.undecided import brought, spells, undecided
from tests.property.questions import Question

__all__ = ["assert_rests"]

_MARGIN: Final = Decimal("0.25")


async def assert_rests(access: Access, question: Question, history: History) -> None:
    """Compare how leads ended, what wins brought the channel, and what may still bring anything."""
    connection, org, today = access.connection, access.org, question.today
    generation = await live_generation(connection, org.id)
    told = await read_history(
        connection,
        org.id,
        generation,
        today=today,
        model=question.model,
        channel=question.channel,
        margin=_MARGIN,
    )
    found = await open_leads(
        connection,
        org.id,
        generation,
        today=today,
        period=Period(question.start, question.end),
        channel=question.channel,
        window_days=org.window_days,
        margin=_MARGIN,
    )

    margin = Fraction(_MARGIN)
    assert dict(told.spells) == spells(history, today), question
    assert Counter((Fraction(win.share), Fraction(win.value)) for win in told.wins) == Counter(
        (share, amount * margin)
        for share, amount in brought(history, question.model, question.channel)
    ), question
    assert Counter(
        (one.age_days, one.last_age_days, one.worth and Fraction(one.worth), one.weight)
        for one in found
    ) == Counter(
        (one.age, one.last_age, one.amount and one.amount * margin, one.weight)
        for one in undecided(history, question.start, question.end, question.channel, today)
    ), question
