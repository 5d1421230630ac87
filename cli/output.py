"""What a person sees: a spinner on a terminal, plain lines everywhere else."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

__all__ = ["Stage", "Terminal"]


class Stage:
    """One step under way; `update` says how far it is."""

    def __init__(self, title: str, status: "Status | None") -> None:
        self._title = title
        self._status = status
        self._detail = ""

    def update(self, detail: str) -> None:
        """Show how far it is; kept for the line that ends it."""
        self._detail = detail
        if self._status is not None:
            self._status.update(self.text)

    @property
    def text(self) -> str:
        """Title and latest detail."""
        return f"{self._title}: {self._detail}" if self._detail else self._title


class Terminal:
    """Writes for whoever started the command."""

    @cached_property
    def _console(self) -> "Console":
        # Here: what the command starts in the background need not wait for this import.
        from rich.console import Console

        return Console(highlight=False, soft_wrap=True)

    @contextmanager
    def stage(self, title: str) -> Iterator[Stage]:
        """Show a step while the block runs, and one line of it afterwards."""
        started = time.monotonic()
        if self._console.is_terminal:
            status = self._console.status(title)
            stage = Stage(title, status)
            with status:
                yield stage
        else:
            stage = Stage(title, None)
            yield stage
        seconds = time.monotonic() - started
        self._console.print(f"  {stage.text} ({seconds:.1f} s)", markup=False)

    def print(self, text: str = "") -> None:
        """Write lines as they are."""
        self._console.print(text, markup=False)
