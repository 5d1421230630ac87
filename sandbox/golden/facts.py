"""What a partner system posts to ``POST /v1/facts``: plain JSON objects, newest vocabulary."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from sandbox.golden.activity import shares
from sandbox.golden.journeys import hires, journeys
from sandbox.golden.program import CAMPAIGN, NETWORK, CodeOf

__all__ = ["SOURCE", "PersonOf", "partner_facts"]

SOURCE = "golden-ratio"
_ADVOCACY = "employee_advocacy"

#: Returns the opaque person of an e-mail address: facts never carry the address itself.
PersonOf = Callable[[str], str]


def partner_facts(*, code_of: CodeOf, person_of: PersonOf) -> list[dict[str, Any]]:
    """Return all facts a partner posts, in order of time.

    ``code_of`` gives the code of an employee's tracked link. ``person_of`` must derive persons
    as the CRM connector of the same organization does, otherwise touches and leads never meet.
    """
    facts = [*_posts(), *_clicks(code_of), *_touches(person_of), *_hires()]
    return sorted(facts, key=lambda fact: (fact["occurred_at"], fact["kind"], fact["external_id"]))


def _fact(kind: str, external_id: str, at: datetime, **fields: Any) -> dict[str, Any]:
    present = {name: value for name, value in fields.items() if value is not None}
    occurred_at = at.isoformat().replace("+00:00", "Z")
    envelope = {"kind": kind, "source": SOURCE, "external_id": external_id}
    return {**envelope, "occurred_at": occurred_at, **present}


def _posts() -> Iterator[dict[str, Any]]:
    for share in shares():
        yield _fact(
            "post.published",
            share.post,
            share.published_at,
            post=share.post,
            origin=share.origin,
            mode=share.mode,
            employee=share.employee,
            network=NETWORK,
            campaign=CAMPAIGN,
            content=share.content,
            channel=_ADVOCACY,
        )


def _clicks(code_of: CodeOf) -> Iterator[dict[str, Any]]:
    for share in shares():
        yield _fact(
            "link.clicked",
            f"click-{share.number:04}",
            share.clicked_at,
            link=code_of(share.employee),
            is_human=True,
            employee=share.employee,
            network=NETWORK,
            campaign=CAMPAIGN,
            content=share.content,
            channel=_ADVOCACY,
        )


def _touches(person_of: PersonOf) -> Iterator[dict[str, Any]]:
    for journey in journeys():
        for touch in journey.touches:
            is_advocacy = touch.employee is not None
            yield _fact(
                "touch.recorded",
                touch.touch_id,
                touch.occurred_at,
                person=person_of(touch.person_email),
                channel=touch.channel,
                employee=touch.employee,
                network=NETWORK,
                campaign=CAMPAIGN if is_advocacy else None,
            )


def _hires() -> Iterator[dict[str, Any]]:
    for hire in hires():
        for kind, at in (
            ("application.submitted", hire.applied_at),
            ("hire.accepted", hire.accepted_at),
        ):
            yield _fact(
                kind,
                hire.application,
                at,
                application=hire.application,
                employee=hire.employee,
                channel=_ADVOCACY,
            )
