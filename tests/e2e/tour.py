"""What the README shows: commands as one would type them, and what they print."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

__all__ = ["Shown", "printed_by_make_run", "shown_commands", "without_chances"]

_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PRINTED = re.compile(r"Then it prints:\n\n```text\n(.*?)^```", re.MULTILINE | re.DOTALL)
_CHANCES = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "<id>"),
    (re.compile(r"\(\d+\.\d s\)"), "(<time>)"),
    (re.compile(r"127\.0\.0\.1:\d+"), "<address>"),
    (re.compile(r"known at \d+ of \d+ batches"), "known at <some> batches"),
)


class Shown(NamedTuple):
    """A command and the output under it."""

    command: str
    output: str


def shown_commands(readme: Path) -> Iterator[Shown]:
    """Yield the commands of each console block in order; a command may have several lines."""
    for block in _CONSOLE.findall(readme.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines(keepends=True)
            last = next(
                n for n, line in enumerate(lines) if not line.rstrip().endswith(("\\", "|"))
            )
            yield Shown("".join(lines[: last + 1]).strip(), "".join(lines[last + 1 :]).strip())


def printed_by_make_run(readme: Path) -> str:
    """Return what the README says that `make run` prints."""
    (block,) = _PRINTED.findall(readme.read_text(encoding="utf-8"))
    return str(block).strip()


def without_chances(text: str) -> str:
    """Blank out what differs from run to run: identifiers, times, ports, batches."""
    for pattern, name in _CHANCES:
        text = pattern.sub(name, text)
    return text
