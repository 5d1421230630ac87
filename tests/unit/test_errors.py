"""Problems: what they carry by themselves, without a server around them."""

from datetime import timedelta

from shared.errors import (
    Conflict,
    InsufficientScope,
    Invalid,
    Problem,
    TooManyRequests,
    Unauthenticated,
    Unavailable,
)


def test_a_problem_has_the_status_and_code_of_its_class() -> None:
    problem = Conflict("Already there.")

    assert (problem.status, problem.code, problem.detail) == (409, "conflict", "Already there.")


def test_a_situation_may_have_a_code_of_its_own() -> None:
    problem = Invalid("Wrong currency.", code="currency_mismatch")

    assert problem.code == "currency_mismatch"
    assert Invalid.code == "invalid"


def test_field_errors_are_kept_in_order() -> None:
    errors = [
        {"field": "body.amount", "rule": "money", "message": "Expected a decimal."},
        {"field": "body.currency", "rule": "currency", "message": "Expected ISO 4217."},
    ]

    problem = Invalid(errors=errors)  # type: ignore[arg-type]

    assert problem.errors == errors


def test_refusals_for_now_say_when_to_come_back_in_whole_seconds() -> None:
    assert Unavailable().headers["Retry-After"] == "5"
    assert TooManyRequests(retry_after=timedelta(milliseconds=1200)).headers["Retry-After"] == "2"
    assert Unavailable(retry_after=timedelta(0)).headers["Retry-After"] == "1"


def test_refused_callers_learn_how_to_authenticate() -> None:
    assert Unauthenticated().headers["WWW-Authenticate"].startswith("Bearer")
    assert 'scope="kpis:read"' in InsufficientScope("kpis:read").headers["WWW-Authenticate"]


def test_the_text_of_an_unexplained_problem_is_its_title() -> None:
    assert str(Problem()) == "Something went wrong on our side"
