"""The program and its audiences, counted by hand from the definitions of the catalogue."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from fractions import Fraction

from shared.facts import (
    AccessRecorded,
    AudienceRecorded,
    ContentReleased,
    EmployeeRecorded,
    LoginRecorded,
    MemberInvited,
    MemberJoined,
    MentionRecorded,
    PostMetrics,
    PostPublished,
    SsiRecorded,
    TrainingCompleted,
)
from tests.property.oracle.answers import Span
from tests.property.oracle.contributions import Where, where_of
from tests.property.oracle.ledger import FactT, History, key_of
from tests.property.oracle.lines import Line, Told
from tests.property.oracle.membership import members_on
from tests.property.oracle.posted import posted
from tests.property.oracle.rates import counting_on
from tests.property.oracle.sales import first_row
from tests.property.oracle.slices import roster_row

__all__ = ["program_lines", "tagged"]

HOUR = 3600


def program_lines(history: History, span: Span) -> dict[str, Told]:
    """Return measure → its lines in a span; a measure without any fact is left out."""
    return {
        **_taking_part(history, span),
        **_cohorts(history, span),
        **_trained(history, span),
        **_audiences(history, span),
        **_content(history, span),
    }


def _posts(history: History) -> Iterator[tuple[PostPublished, date]]:
    for post in posted(history):
        if post.employee:
            yield post, history.day(post.occurred_at)


def _one(employees: Iterable[str], day: date) -> list[Line]:
    return [Line(employee, 1, day, employee) for employee in set(employees)]


def _employed(history: History, on: date) -> dict[str, EmployeeRecorded]:
    everybody = {row.employee for row in history.of(EmployeeRecorded)}
    rows = {employee: roster_row(history, employee, on) for employee in everybody}
    return {name: row for name, row in rows.items() if row is not None and row.employed}


def _has_begun(history: History, before: date) -> bool:
    """Tell whether the roster says anything of the days before a day."""
    return any(row.effective_on < before for row in history.of(EmployeeRecorded))


def _leaders(history: History, on: date) -> set[str]:
    return {name for name, row in _employed(history, on).items() if row.role == "leader"}


def _taking_part(history: History, span: Span) -> dict[str, Told]:
    told: dict[str, Told] = {}
    posters = {p.employee or "" for p, day in _posts(history) if span.holds(day)}
    logins = [
        login for login in history.of(LoginRecorded) if span.holds(history.day(login.occurred_at))
    ]
    leaders = _leaders(history, span.last_day)
    on_platform = any(login.system == "advocacy" for login in history.of(LoginRecorded))
    has_begun, had_begun = (_has_begun(history, day) for day in (span.end, span.start))
    if on_platform or any(_posts(history)):
        users = posters | {login.employee for login in logins if login.system == "advocacy"}
        told["engaged_users"] = Told(_one(users, span.last_day), "count")
    if has_begun and any(row.role == "leader" for row in history.of(EmployeeRecorded)):
        told["leaders"] = Told(_one(leaders, span.last_day), "count")
    if any(_posts(history)):
        told["leaders_sharing"] = Told(_one(leaders & posters, span.last_day), "count")
    if any(login.system == "listening" for login in history.of(LoginRecorded)):
        listeners = {login.employee for login in logins if login.system == "listening"}
        told["leaders_listening"] = Told(_one(leaders & listeners, span.last_day), "count")
    if had_begun:
        before = _employed(history, span.start - timedelta(days=1))
        told["headcount_at_start"] = Told(_one(before, span.start), "count", "start")
    return told | _memberships(history, span)


def _memberships(history: History, span: Span) -> dict[str, Told]:
    told: dict[str, Told] = {}
    members = members_on(history, span.last_day)
    if history.of(MemberJoined):
        before = members_on(history, span.start - timedelta(days=1))
        told["enrolled_at_start"] = Told(_one(before, span.start), "count", "start")
        lines = [Line(name, 0, span.start, name) for name in members]
        for post, day in _posts(history):
            if post.employee in members and span.holds(day):
                lines.append(Line(post.employee or "", 1, day, post.employee or ""))
        told["evenness"] = Told(lines, "evenness")
    if history.of(TrainingCompleted):
        trained = {
            t.employee for t in history.of(TrainingCompleted) if _is_before(history, t, span)
        }
        told["trained"] = Told(_one(trained & members, span.last_day), "count")
    for system, name in (("network", "connected"), ("internal", "esn_registered")):
        states = [a for a in history.of(AccessRecorded) if a.system == system]
        if states:
            last: dict[tuple[str, str], AccessRecorded] = {}
            for state in _in_order(s for s in states if _is_before(history, s, span)):
                where = (state.network or "") if system == "network" else ""
                last[state.employee, where] = state
            live = {whose for whose, state in last.items() if state.state == "live"}
            lines = [
                Line(employee, 1, span.last_day, employee, where=Where(network=network))
                for employee, network in live
                if system == "internal" or employee in members
            ]
            told[name] = Told(lines, "count")
    if history.of(MemberJoined):
        networks = {a.network or "" for a in history.of(AccessRecorded) if a.system == "network"}
        told["connectable"] = Told(
            [
                Line(employee, 1, span.last_day, employee, where=Where(network=network))
                for employee in members
                for network in networks | {""}
            ],
            "count",
        )
    return told


def _is_before(history: History, fact: FactT, span: Span) -> bool:
    return history.day(fact.occurred_at) < span.end


def _stated(history: History, key: str, span: Span) -> Fraction:
    return counting_on(history.stated, key, span.last_day)


def _in_order(facts: Iterable[FactT]) -> list[FactT]:
    return sorted(facts, key=lambda fact: (fact.occurred_at, key_of(fact)))


def _cohorts(history: History, span: Span) -> dict[str, Told]:
    told: dict[str, Told] = {}
    if history.of(MemberInvited):
        invited: dict[str, datetime] = {}
        for invite in _in_order(history.of(MemberInvited)):
            invited.setdefault(invite.employee, invite.occurred_at)
        now = {n: at for n, at in invited.items() if span.holds(history.day(at))}
        soon = timedelta(days=int(_stated(history, "activation.days", span)))
        active = {
            name
            for name, at in now.items()
            for post, day in _posts(history)
            if post.employee == name and post.occurred_at >= at and day <= history.day(at) + soon
        }
        told["invitees"] = Told(_one(now, span.last_day), "count")
        told["invitees_activated"] = Told(_one(active, span.last_day), "count")
    if history.of(MemberJoined):
        joined: dict[str, datetime] = {}
        for join in _in_order(history.of(MemberJoined)):
            joined.setdefault(join.employee, join.occurred_at)
        now = {n: at for n, at in joined.items() if span.holds(history.day(at))}
        told |= _after_joining(history, span, now)
    return told


def _after_joining(history: History, span: Span, joined: dict[str, datetime]) -> dict[str, Told]:
    told: dict[str, Told] = {}
    waits = []
    for name, at in joined.items():
        after = [p.occurred_at - at for p, _ in _posts(history) if p.employee == name]
        waited = [wait for wait in after if wait >= timedelta(0)]
        if waited:
            hours = Fraction(min(waited) // timedelta(microseconds=1), 10**6 * HOUR)
            waits.append(Line(name, hours, span.last_day, name))
    told["first_share_hours.median"] = Told(waits, "median")
    for week in (1, 4, 8, 12, 26):
        start, end = timedelta(days=7 * week), timedelta(days=7 * week + 7)
        active = {
            name
            for name, at in joined.items()
            for post, day in _posts(history)
            if post.employee == name and history.day(at) + start <= day < history.day(at) + end
        }
        # Of whom the week was not over when the last fact was recorded, nothing is known.
        over = {n for n, at in joined.items() if history.day(at) + end <= history.known_on}
        told[f"cohort.w{week}"] = Told(_one(over, span.last_day), "count")
        told[f"cohort_active.w{week}"] = Told(_one(active & over, span.last_day), "count")
    return told


def _trained(history: History, span: Span) -> dict[str, Told]:
    told: dict[str, Told] = {}
    courses = [t for t in history.of(TrainingCompleted) if t.is_onboarding]
    if courses:
        told["training_hours.median"] = Told(
            [
                Line(t.employee, Fraction(t.hours), history.day(t.occurred_at), t.employee)
                for t in courses
                if span.holds(history.day(t.occurred_at))
            ],
            "median",
        )
    indices = history.of(SsiRecorded)
    now, was = (_last_index(history, before) for before in (span.end, span.start))
    if indices:
        told["ssi_change"] = Told(
            [Line(n, _index(now[n]) - _index(was[n]), span.last_day, n) for n in now if n in was],
            "mean",
        )
    mentions = history.of(MentionRecorded)
    if indices or mentions:
        enough = _stated(history, "expert.index", span)
        experts = {name for name, index in now.items() if _index(index) >= enough}
        experts |= {
            m.employee for m in mentions if m.employee and span.holds(history.day(m.occurred_at))
        }
        told["recognized_experts"] = Told(_one(experts, span.last_day), "count")
    return told


def _last_index(history: History, before: date) -> dict[str, SsiRecorded]:
    readings = _in_order(history.of(SsiRecorded))
    return {r.employee: r for r in readings if history.day(r.occurred_at) < before}


def _index(reading: SsiRecorded) -> Fraction:
    return Fraction(reading.brand + reading.people + reading.insights + reading.relationships)


def _audiences(history: History, span: Span) -> dict[str, Told]:
    told: dict[str, Told] = {}
    followers = _readings(history, "followers")
    if followers:
        now, was = (_levels(history, followers, day) for day in (span.end, span.start))
        told["followers_at_start"] = Told(
            [_of_reading(reading, reading.count, span) for reading in was.values()], "sum"
        )
        told["followers_gained"] = Told(
            [_of_reading(now[w], now[w].count - was[w].count, span) for w in now if w in was], "sum"
        )
    reached = _reached(history, span)
    if followers:
        beside = list(_followed(reached, followers))
        told["reach.followed"] = Told([reach for reach, _ in beside], "sum")
        told["reach.followers"] = Told([followed for _, followed in beside], "sum")
    if any(reading.reach is not None for reading in history.of(PostMetrics)):
        lines = [Line(r.post, r.reach or 0, span.start, where=where_of(r)) for r in reached]
        told |= {"reach.most": Told(lines, "most"), "reach.sum": Told(lines, "sum")}
    connections = _readings(history, "connections")
    if connections and any(_posts(history)):
        lines = []
        for post, day in _posts(history):
            own = (post.employee, post.network)
            known = [
                c
                for c in connections
                if (c.employee, c.network) == own and c.occurred_at <= post.occurred_at
            ]
            # What names no network is on none in particular, on both sides.
            if known and span.holds(day):
                lines.append(
                    Line(str(key_of(post)), known[-1].count, day, where=where_of(post))._replace(
                        employee=post.employee or ""
                    )
                )
        told["potential_reach"] = Told(lines, "sum", "day")
    return told


def _of_reading(reading: AudienceRecorded, quantity: int, span: Span) -> Line:
    return Line(str(key_of(reading)), quantity, span.start, where=where_of(reading))


def _readings(history: History, metric: str) -> list[AudienceRecorded]:
    return _in_order(r for r in history.of(AudienceRecorded) if r.metric == metric)


def _levels(
    history: History, readings: list[AudienceRecorded], before: date
) -> dict[tuple[str | None, ...], AudienceRecorded]:
    return {
        (r.employee, r.account, r.network): r
        for r in readings
        if history.day(r.occurred_at) < before
    }


def _reached(history: History, span: Span) -> list[PostMetrics]:
    """Return the last reading of each post of an account; its publication says whose it is."""
    last = {}
    for reading in _in_order(history.of(PostMetrics)):
        published = first_row(p for p in history.of(PostPublished) if p.post == reading.post)
        who = published or reading
        is_inside = span.holds(history.day(reading.occurred_at))
        if who.account and reading.reach is not None and is_inside:
            where = {"account": who.account, "network": who.network}
            where |= {"campaign": who.campaign, "content": who.content}
            last[reading.post] = reading.model_copy(update=where)
    return list(last.values())


def _followed(
    reached: Iterable[PostMetrics], followers: Iterable[AudienceRecorded]
) -> Iterator[tuple[Line, Line]]:
    """Yield each post's reach, and the followers that its account had when that was read."""
    for post in reached:
        own = (post.account, post.network)
        known = [
            f
            for f in followers
            if (f.account, f.network) == own and f.occurred_at <= post.occurred_at
        ]
        if known:
            day = known[-1].occurred_at.date()
            of_post = Line(post.post, post.reach or 0, day, where=where_of(post))
            yield of_post, of_post._replace(quantity=known[-1].count)


def tagged(history: History, span: Span) -> dict[str, Fraction]:
    """Return hashtag → responses, in the span, on the posts that bear it; tags of none left out."""
    found: dict[str, Fraction] = defaultdict(Fraction)
    bearing = {
        (tag, post.post) for post in history.of(PostPublished) for tag in post.hashtags or ()
    }
    for tag, name in bearing:
        before = 0
        for reading in _in_order(r for r in history.of(PostMetrics) if r.post == name):
            now = reading.reactions + reading.comments + reading.reshares
            if span.holds(history.day(reading.occurred_at)):
                found[tag] += now - before
            before = now
    return {tag: responses for tag, responses in found.items() if responses}


def _content(history: History, span: Span) -> dict[str, Told]:
    if not history.of(ContentReleased):
        return {}
    offered = [
        Line(item.content or "", 1, span.start, where=where_of(item))
        for item in history.of(ContentReleased)
        if span.holds(history.day(item.occurred_at))
    ]
    shared = {post.content for post, day in _posts(history) if day < span.end}
    used = [line for line in offered if line.key in shared]
    return {"content_offered": Told(offered, "count"), "content_used": Told(used, "count")}
