"""Small wrongs to do to the engine: what a slip of the pen would make of its SQL and its Python.

The fold is SQL inside Python strings, so a tool that mutates Python alone sees nothing of it. These
operators read the strings as SQL and everything else as Python.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

__all__ = ["Mutant", "mutants_of"]

_FLIPS = {"<=": "<", "<": "<=", ">=": ">", ">": ">=", "<>": "=", "=": "<>", "==": "!=", "!=": "=="}
_WORDS = {
    "sum(": "max(",
    "min(": "max(",
    "max(": "min(",
    "lag(": "lead(",
    "lead(": "lag(",
    "bool_or(": "bool_and(",
    "bool_and(": "bool_or(",
    "IS NOT NULL": "IS NULL",
    "IS NULL": "IS NOT NULL",
    "LEFT JOIN": "JOIN",
    "UNION ALL": "UNION",
    "true": "false",
    "false": "true",
    " DESC": "",
    "DISTINCT ": "",
    " OR ": " AND ",
    " + ": " - ",
    " - ": " + ",
}
_ONE_CONDITION = r"(?:[^()\n\"]|\((?:[^()\n]|\([^()\n]*\))*\))+?(?=\s+AND\b|\s+OR\b|\s*\n|\)|\"|$)"
#: Name, what is looked for, and what becomes of it.
_SQL: tuple[tuple[str, re.Pattern[str], str], ...] = (
    *(
        ("word", re.compile(rf"(?<![\w.]){re.escape(word)}"), other)
        for word, other in _WORDS.items()
    ),
    ("union", re.compile(r"\bUNION\b(?! ALL)"), "UNION ALL"),
    ("condition", re.compile(rf"\bAND (?!BETWEEN){_ONE_CONDITION}"), ""),
    ("condition", re.compile(rf"(?<=\bWHERE ){_ONE_CONDITION}"), "true"),
    ("condition", re.compile(rf"(?<=\bHAVING ){_ONE_CONDITION}"), "true"),
    ("negation", re.compile(r"(?<!IS )(?<!IF )(?<!WHEN )\bNOT "), ""),
    ("order", re.compile(r"(?<=ORDER BY )([^\n()\"]*), [\w.]+(?: DESC)?"), r"\1"),
    ("default", re.compile(r"\bcoalesce\(([^(),]+), [^()]*\)"), r"\1"),
    ("literal", re.compile(r"(?<== )'[\w.]+'|(?<=<> )'[\w.]+'|(?<=IN \()'[\w.]+'"), "'~'"),
    ("number", re.compile(r"(?<![\w.$'-])-1\b"), "1"),
    ("number", re.compile(r"(?<!LIMIT )(?<![\w.$'/-])1(?![\w.'])"), "2"),
    ("number", re.compile(r"(?<!OFFSET )(?<![\w.$'/-])0(?![\w.'])"), "1"),
)
# Not the organization's and the generation's: taken the wrong way round, nothing is left to test.
_COMPARISON = re.compile(r"(?<=\s)(<=|>=|<>|<|>|=(?! \$[12]\b))(?=\s)")
_ASSIGNED = re.compile(r"\bSET (?:LOCAL )?\w+ $|, \w+ $")
# Row-level security answers for these: without them a statement sees no more than with them.
_GUARDED = re.compile(r"org_id = |\$1\b")
_LEFT_OUT = re.compile(r"--[^\n]*|\{[^{}]*\}")
_PYTHON = {"==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "&": "|"} | {
    "and": "or",
    "or": "and",
    "not": "",
    "True": "False",
    "False": "True",
    '"-"': '"+"',
    '"+"': '"-"',
}
_BEFORE_DOCSTRING = {
    tokenize.NEWLINE,
    tokenize.INDENT,
    tokenize.DEDENT,
    tokenize.ENCODING,
    tokenize.NL,
    tokenize.COMMENT,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file; ``line`` counts from 1."""

    path: Path
    line: int
    operator: str
    start: int
    end: int
    replacement: str
    source: str

    @property
    def original(self) -> str:
        """Return the text that is replaced."""
        return self.source[self.start : self.end]

    @property
    def mutated(self) -> str:
        """Return the file's text with the change in it."""
        return self.source[: self.start] + self.replacement + self.source[self.end :]

    @property
    def name(self) -> str:
        """Return the change in words: stable as long as the line is, wherever it moves.

        A line that is nothing but what is changed is told by the next one too.
        """
        text, *following = map(str.strip, self.source.splitlines()[self.line - 1 :][:2])
        if text == self.original.strip():
            text = " ".join((text, *following))
        change = f"{' '.join(self.original.split())} → {self.replacement or 'nothing'}"
        return f"{self.path.as_posix()}: {text}: {change}"


def mutants_of(path: Path, source: str) -> list[Mutant]:
    """Return the mutants of a file, in the order of its text, each change once."""
    starts = [0, *accumulate(len(line) for line in source.splitlines(keepends=True))]
    found: dict[tuple[int, int, str], Mutant] = {}
    previous = tokenize.ENCODING
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        begin = starts[token.start[0] - 1] + token.start[1]
        is_docstring = token.type == tokenize.STRING and previous in _BEFORE_DOCSTRING
        previous = token.type
        if is_docstring or token.type == tokenize.COMMENT:
            continue
        # What a decorator says of a class is for the type checker.
        changes = None if token.line.startswith("@") else _PYTHON.get(token.string)
        if changes is not None:
            _keep(found, path, source, "python", (begin, begin + len(token.string)), changes)
        elif token.type == tokenize.STRING:
            for operator, (start, end), replacement in _in_sql(token.string):
                _keep(found, path, source, operator, (begin + start, begin + end), replacement)
    return [found[key] for key in sorted(found)]


def _keep(
    found: dict[tuple[int, int, str], Mutant],
    path: Path,
    source: str,
    operator: str,
    span: tuple[int, int],
    replacement: str,
) -> None:
    start, end = span
    line = source.count("\n", 0, start) + 1
    mutant = Mutant(path, line, operator, start, end, replacement, source)
    found.setdefault((start, end, replacement), mutant)


def _in_sql(text: str) -> Iterator[tuple[str, tuple[int, int], str]]:
    """Return what can be changed in a string: operator, span and replacement."""
    hidden = [match.span() for match in _LEFT_OUT.finditer(text)]
    for match in _COMPARISON.finditer(text):
        is_assigned = match[1] == "=" and _ASSIGNED.search(text, 0, match.start())
        if not is_assigned and not _is_hidden(hidden, match.span()):
            yield "comparison", match.span(), _FLIPS[match[1]]
    for operator, pattern, replacement in _SQL:
        for match in pattern.finditer(text):
            is_guarded = operator == "condition" and _GUARDED.search(match[0])
            if not is_guarded and not _is_hidden(hidden, match.span()):
                yield operator, match.span(), match.expand(replacement)


def _is_hidden(hidden: list[tuple[int, int]], span: tuple[int, int]) -> bool:
    return any(start < span[1] and span[0] < end for start, end in hidden)
