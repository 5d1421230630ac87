"""Who is in the program on a day."""

from datetime import date

from shared.facts import MemberJoined, MemberLeft
from tests.property.oracle.ledger import History, key_of

__all__ = ["members_on"]


def members_on(history: History, day: date) -> set[str]:
    """Return who joined by the end of a day and has not left since.

    Only the last word about a person counts, so it takes one leave to undo two joins. Words of one
    instant are told apart by their keys.
    """
    moves: list[MemberJoined | MemberLeft] = []
    moves += [*history.of(MemberJoined), *history.of(MemberLeft)]
    moves.sort(key=lambda move: (move.occurred_at, key_of(move)))
    last = {move.employee: move for move in moves if history.day(move.occurred_at) <= day}
    return {employee for employee, move in last.items() if isinstance(move, MemberJoined)}
