"""Mutants that nobody has to notice are those of the code there is, not of what it once was."""

import re
from pathlib import Path

from tests.mutation.report import equivalents

ROOT = Path(__file__).parents[2]


def written(text: str) -> str:
    """Return a text without its spaces: a statement over many lines is one line in a name."""
    return re.sub(r"\s", "", text)


def mutated(name: str) -> tuple[str, str]:
    """Return the text of the file that a mutant is of, and the line or statement that it changes.

    A mutant of Python is named by its function (of a class, if it is a method) and the whole
    statement, one of SQL by its line and what changes in it.
    """
    file, _, change = name.partition(": ")
    before = change.partition(" → ")[0]
    function, _, statement = before.partition(": ")
    text = (ROOT / file).read_text()
    is_function = f"def {function.rpartition('ǁ')[2]}(" in text
    return text, statement if is_function else before.rpartition(": ")[0]


def test_each_changes_what_is_there() -> None:
    gone = [
        name
        for name in equivalents()
        for text, line in (mutated(name),)
        if written(line) not in written(text)
    ]
    assert not gone
