"""Load the Golden Ratio year through the doors that real data come through.

Every step may be repeated, after a crash as well: links and connections are looked up before they
are made, and what is sent twice changes nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from cli.client import Client
from cli.output import Stage, Terminal
from cli.vendors import put_connections
from sandbox.golden import program
from sandbox.golden.facts import partner_facts
from sandbox.golden.files import csv_files
from sandbox.golden.journeys import journeys

__all__ = ["END_DAY", "FIRST_DAY", "Doors", "NotSettledError", "connect", "load", "settle"]

FIRST_DAY, END_DAY = program.Q1_START, program.Q1_END

_BATCH = 500
_SETTLE_WITHIN = timedelta(minutes=5)
_POLL_SECONDS = 0.2
_ACCEPTED = 202
_UNFINISHED = ("unfolded", "waiting", "quarantined")
# What only the company can know; the rates of the industry have defaults.
_ASSUMPTIONS = {
    "gross_margin": ("0.80", "annual accounts 2024"),
    "cost_per_hire.referral": ("1500", "referral bonus and interviews, HR"),
}


class NotSettledError(RuntimeError):
    """Something was not read or folded in time; the text says what."""


@dataclass(frozen=True, slots=True)
class Doors:
    """The addresses that the year goes through."""

    api: Client
    collector: Client
    sandbox: Client


def load(doors: Doors, terminal: Terminal) -> None:
    """Load the year and return when every figure is final.

    Raises:
        cli.client.RefusedError, cli.client.UnreachableError: a door stayed shut.
        NotSettledError: not everything was read and folded in time.
    """
    with terminal.stage("assumptions") as stage:
        stage.update(_assume(doors.api))
    with terminal.stage("tracked links") as stage:
        codes = _make_links(doors)
        doors.sandbox.put("/_sandbox/links", {"codes": codes})
        stage.update(f"{len(codes)} links, one per active member")
    connections = connect(doors, terminal)
    with terminal.stage("CSV files") as stage:
        stage.update(_import_files(doors.collector))
    with terminal.stage("partner facts") as stage:
        _post_facts(doors.api, codes, stage)
    with terminal.stage("HubSpot webhooks") as stage:
        stage.update(_deliver(doors, connections["hubspot"]))
    settle(doors.api, terminal)


def connect(doors: Doors, terminal: Terminal) -> dict[str, str]:
    """Make the vendors' connections, or point them to where the sandbox is now.

    Returns the id of each by source. Links have to be known to the sandbox before: analytics names
    visits by their codes.
    """
    with terminal.stage("connections") as stage:
        credentials = doors.sandbox.get("/_sandbox/credentials")
        ids = put_connections(doors.api, credentials, start_on=program.YEAR_START, stage=stage)
        stage.update(f"{len(ids)}: HubSpot, Google Analytics, LinkedIn page and members")
    return ids


def _assume(api: Client) -> str:
    since = FIRST_DAY.isoformat()
    for key, (value, source) in _ASSUMPTIONS.items():
        told = api.pages(f"/v1/assumptions/{key}/statements", "statements", limit=200)
        stated = {(one["effective_from"], Decimal(one["value"])) for one in told}
        if (since, Decimal(value)) not in stated:
            body = {"effective_from": since, "value": value, "source": source}
            api.put(f"/v1/assumptions/{key}", body)
    return ", ".join(f"{key} {value}" for key, (value, _) in _ASSUMPTIONS.items())


def _make_links(doors: Doors) -> dict[str, str]:
    """Return employee → code, making the links that are not there yet."""
    wanted = doors.sandbox.get("/_sandbox/links")["links"]
    codes = {
        _link_key(link): link["code"] for link in doors.api.pages("/v1/links", "links", limit=200)
    }
    for link in wanted:
        if _link_key(link) not in codes:
            body = {name: link[name] for name in ("employee", "network", "campaign", "target_url")}
            made = doors.api.post("/v1/links", {**body, "channel": "employee_advocacy"})
            codes[_link_key(link)] = made["code"]
    return {link["employee"]: codes[_link_key(link)] for link in wanted}


def _link_key(link: Mapping[str, Any]) -> tuple[str | None, str | None, str | None]:
    return link["employee"], link["network"], link["campaign"]


def _import_files(collector: Client) -> str:
    rows = 0
    for name, text in csv_files().items():
        kind = name.removesuffix(".csv")
        answer = collector.post_file(f"/v1/imports/{kind}", text.encode(), media_type="text/csv")
        rows += answer["rows"]
    return f"{rows} rows of {', '.join(csv_files())}"


def _post_facts(api: Client, codes: Mapping[str, str], stage: Stage) -> None:
    facts = partner_facts(code_of=codes.__getitem__, person_of=_person_of(api))
    done = 0
    for batch in _batches(facts):
        api.post("/v1/facts", {"facts": batch})
        done += len(batch)
        stage.update(f"{done} of {len(facts)}")


def _person_of(api: Client) -> Callable[[str], str]:
    """Return how the organization refers to the people behind the year's addresses."""
    emails = sorted({touch.person_email for one in journeys() for touch in one.touches})
    answer = api.post("/v1/people/references", {"emails": emails})
    references: dict[str, str] = dict(zip(emails, answer["references"], strict=True))
    return references.__getitem__


def _batches(facts: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(facts), _BATCH):
        yield list(facts[start : start + _BATCH])


def _deliver(doors: Doors, connection_id: str) -> str:
    """Let the sandbox send every event, signed, and again what was not taken, as HubSpot does."""
    target = f"{doors.collector.base_url}/webhooks/hubspot/{connection_id}"
    deadline = time.monotonic() + _SETTLE_WITHIN.total_seconds()
    while True:
        answer = doors.sandbox.post("/_sandbox/hubspot/deliver", {"target_url": target})
        if all(status == _ACCEPTED for status in answer["statuses"]):
            return f"{answer['events']} events, signed"
        if time.monotonic() > deadline:
            raise NotSettledError(f"HubSpot's webhooks are not taken: {answer['statuses']}")
        time.sleep(_POLL_SECONDS)


def settle(api: Client, terminal: Terminal) -> None:
    """Wait until every stream was read, every delivery worked off and every entry folded.

    Raises:
        NotSettledError: something was still missing after five minutes.
    """
    deadline = time.monotonic() + _SETTLE_WITHIN.total_seconds()
    with terminal.stage("polls and folding") as stage:
        while missing := _missing(api.get("/v1/data-health"), stage):
            if time.monotonic() > deadline:
                raise NotSettledError("Not everything arrived in time:\n" + "\n".join(missing))
            time.sleep(_POLL_SECONDS)


def _missing(health: Mapping[str, Any], stage: Stage) -> list[str]:
    """Return what is not final yet, and show how far it is."""
    sources = health["sources"]
    total = sum(source["connections"] for source in sources)
    read = total - sum(source["never_read"] for source in sources)
    stage.update(f"{read} of {total} sources read, {health['folded_position']} facts folded")
    return [
        *(
            f"{source['never_read']} of {source['provider']} are {source['state']} and unread,"
            f" such as {source['furthest_behind']}"
            for source in sources
            if source["never_read"]
        ),
        *(f"{name}: {health[name]}" for name in _UNFINISHED if health[name]),
    ]
