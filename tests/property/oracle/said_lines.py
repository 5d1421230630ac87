"""What people said, counted by hand: answers to surveys, and mentions outside."""

from fractions import Fraction

from shared.facts import MentionRecorded, SurveyRecorded
from tests.property.oracle.answers import Span
from tests.property.oracle.contributions import where_of
from tests.property.oracle.ledger import History, key_of
from tests.property.oracle.lines import Line, Told

__all__ = ["said_lines"]

_BRANDS = ("own", "competitor")
_MOODS = ("positive", "neutral", "negative")


def said_lines(history: History, span: Span) -> dict[str, Told]:
    """Return measure → its lines in a span; a measure without any fact is left out."""
    return _surveys(history, span) | _mentions(history, span)


_SCORED, _AFFIRMED, _BALANCED = ("score_sum",), ("positive",), ("positive", "negative")
#: What is summed of the answers to each topic, as its formula needs it.
_SUMS = {
    "engagement": (*_BALANCED, *_SCORED),
    "enps": _BALANCED,
    "customer_nps": _BALANCED,
    "brand_trust": _AFFIRMED,
    "employer_brand_awareness": _AFFIRMED,
    "retention_intent": _AFFIRMED,
    "stress": _SCORED,
    "competence": _SCORED,
    "brand_perception": _SCORED,
    "cohesion": _SCORED,
    "morale": _SCORED,
}
#: What a survey must tell for its respondents to count, or one of its sums: an index is of those
#: who were scored, and promoters only weigh against detractors.
_ANSWERED = {**_SUMS, "engagement": _SCORED}


def _surveys(history: History, span: Span) -> dict[str, Told]:
    told = {}
    for topic, sums in _SUMS.items():
        surveys = [s for s in history.of(SurveyRecorded) if s.topic == topic]
        wanted = [(name, sums if sums == _BALANCED else (name,)) for name in sums]
        for field, needed in (*wanted, ("respondents", _ANSWERED[topic])):
            part = {"score_sum": "score", "respondents": "answers"}.get(field, field)
            telling = [s for s in surveys if None not in (getattr(s, name) for name in needed)]
            if not telling:
                continue
            told[f"survey.{topic}.{part}"] = Told(
                [
                    Line(
                        str(key_of(s)),
                        Fraction(getattr(s, field)),
                        span.start,
                        team=s.team or "",
                        department=s.department or "",
                        role=s.role or "",
                        market=s.market or "",
                    )
                    for s in telling
                    if span.holds(history.day(s.occurred_at))
                ],
                "sum",
                "own",
            )
    return told


def _mentions(history: History, span: Span) -> dict[str, Told]:
    mentions = history.of(MentionRecorded)
    judged = [m for m in mentions if m.brand == "own" and m.sentiment]
    inside = {
        f"mentions_{word}_listed": (heard, [m for m in heard if word in (m.brand, m.sentiment)])
        for words, heard in ((_BRANDS, mentions), (_MOODS, judged))
        for word in words
    }
    return {
        name: Told(
            [_of_mention(m, span) for m in named if span.holds(history.day(m.occurred_at))], "sum"
        )
        for name, (heard, named) in inside.items()
        if heard
    }


def _of_mention(mention: MentionRecorded, span: Span) -> Line:
    where = where_of(mention)
    said = {"market": mention.market or "", "language": mention.language or ""}
    return Line(str(key_of(mention)), 1, span.start, where=where, **said)
