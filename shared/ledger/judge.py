"""Judge what a batch says against what the ledger already holds. Pure: rows in, entries out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from shared.ledger.staging import MixedRevisions, Said

__all__ = ["Judgement", "Known", "judge", "restate"]


class Known(NamedTuple):
    """The current version of an identity: ``position`` is that of its +1 entry."""

    content_hash: bytes
    revision: int
    position: int
    is_retracted: bool


@dataclass(slots=True)
class Judgement:
    """What to write, with its positions, and what became of each item.

    ``stated`` holds for each item, in their order, the position of its new +1 entry: below 0, that
    is -position, if its identity is known already, and 0 if it has none. ``withdrawn`` are the -1
    entries (position, position of the entry taken back); ``tombstones`` and ``changed_heads`` the
    current versions to write (fact key, content hash, revision, position, is retracted) besides
    those of new identities.
    """

    position: int
    stated: list[int]
    inserted: int = 0
    unchanged: int = 0
    corrected: int = 0
    retracted: int = 0
    stale: int = 0
    withdrawn: list[tuple[int, int]] = field(default_factory=list)
    tombstones: list[tuple[Any, ...]] = field(default_factory=list)
    changed_heads: list[tuple[Any, ...]] = field(default_factory=list)


def judge(said: Sequence[Said], known: Mapping[bytes, Known], position: int) -> Judgement:
    """Return the entries that ``said`` adds after ``position``.

    The highest revision wins. At the same revision a deletion wins over content and the larger
    content hash over the smaller, so that the outcome never depends on the order of arrival.

    Raises:
        MixedRevisions: an item has a revision where the known version has none, or the reverse.
    """
    result = Judgement(position, [0] * len(said))
    for index, item in enumerate(said):
        current = known.get(item.fact_key)
        if current is None:
            _first_word(result, index, item)
        elif (item.revision < 0) != (current.revision < 0):
            raise MixedRevisions(item.fact_key, current.revision)
        elif item.revision < current.revision:
            result.stale += 1
        elif item.is_retraction:
            _deletion(result, item, current)
        else:
            _content(result, index, item, current)
    return result


def restate(said: Sequence[Said], known: Mapping[bytes, Known], position: int) -> Judgement:
    """Return the entries that take the current version of each identity back and state it anew.

    What a source said is the same: revision and content hash stay, and it may say it again.
    """
    result = Judgement(position, [0] * len(said))
    for index, item in enumerate(said):
        _correct(result, index, item, known[item.fact_key])
    return result


def _first_word(result: Judgement, index: int, item: Said) -> None:
    if item.is_retraction:
        # Nothing to take back, but an older version that is still under way must not appear.
        result.unchanged += 1
        result.tombstones.append((item.fact_key, b"", item.revision, 0, True))
        return
    result.inserted += 1
    result.position += 1
    result.stated[index] = result.position


def _deletion(result: Judgement, item: Said, current: Known) -> None:
    if not current.is_retracted:
        result.retracted += 1
        result.position += 1
        result.withdrawn.append((result.position, current.position))
        _head(result, item, current.content_hash, result.position, is_retracted=True)
    else:
        result.unchanged += 1
        _confirm(result, item, current)


def _content(result: Judgement, index: int, item: Said, current: Known) -> None:
    is_newer = item.revision > current.revision
    if current.is_retracted:
        if not is_newer:
            result.stale += 1
            return
        result.inserted += 1
        _state_again(result, index, item)
    elif item.content_hash == current.content_hash:
        result.unchanged += 1
        _confirm(result, item, current)
    elif not is_newer and item.content_hash < current.content_hash:
        result.stale += 1
    else:
        _correct(result, index, item, current)


def _correct(result: Judgement, index: int, item: Said, current: Known) -> None:
    result.corrected += 1
    result.position += 1
    result.withdrawn.append((result.position, current.position))
    _state_again(result, index, item)


def _state_again(result: Judgement, index: int, item: Said) -> None:
    result.position += 1
    result.stated[index] = -result.position
    _head(result, item, item.content_hash, result.position, is_retracted=False)


def _confirm(result: Judgement, item: Said, current: Known) -> None:
    # Said again later: a version between the two must lose to this one, so the revision moves.
    if item.revision > current.revision:
        _head(
            result,
            item,
            current.content_hash,
            current.position,
            is_retracted=current.is_retracted,
        )


def _head(
    result: Judgement, item: Said, content_hash: bytes, position: int, *, is_retracted: bool
) -> None:
    result.changed_heads.append(
        (item.fact_key, content_hash, item.revision, position, is_retracted)
    )
