"""``python -m bench.pathway_peer FORM COUNT``: Pathway keeps sums of additive counters, in memory.

Runs in any Python that has Pathway, which the product's own environment does not, and needs
nothing of ours. Each line of standard input names a file of rows (:mod:`bench.pathway_sql` says
which); it is answered, when every sum that it changes has come out, with a line of JSON: the
seconds that took, and what each slice then adds up to.

FORM says how the COUNT quantities of a row are handed over: ``columns`` is what Pathway's
documentation does, each in a column of its own with a sum of its own; ``arrays`` has all of them in
one array, which is one sum for each slice. A file is one minibatch.
"""

import json
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pathway as pw

__all__: list[str] = []

_DIMENSIONS = ("employee", "team", "account", "network", "campaign", "content", "channel")
_SLICES: dict[str, tuple[str, ...]] = {
    "total": (),
    **{name: (name,) for name in _DIMENSIONS},
    "finest": ("employee", "account", "network", "campaign", "channel"),
}

Row = dict[str, Any]


class _Columns:
    """A column and a sum for each quantity."""

    def __init__(self, count: int) -> None:
        self._names = [f"q{number}" for number in range(count)]
        self.types = dict.fromkeys(self._names, int)

    def fields(self, quantities: list[int]) -> Row:
        """Return the quantities of a row to be handed over."""
        return dict(zip(self._names, quantities, strict=True))

    def sums(self, rows: Any) -> dict[str, Any]:
        """Return the sums of a slice, as expressions."""
        return {name: pw.reducers.sum(rows[name]) for name in self._names}

    def amounts(self, row: Row) -> Any:
        """Return the sums of a row that came out."""
        return np.array([row[name] for name in self._names])


class _Arrays:
    """One column with an array of all quantities, and one sum."""

    def __init__(self) -> None:
        self.types = {"quantities": np.ndarray}

    def fields(self, quantities: list[int]) -> Row:
        """Return the quantities of a row to be handed over."""
        return {"quantities": np.array(quantities)}

    def sums(self, rows: Any) -> dict[str, Any]:
        """Return the sum of a slice, as an expression."""
        return {"quantities": pw.reducers.sum(rows.quantities)}

    def amounts(self, row: Row) -> Any:
        """Return the sums of a row that came out."""
        return row["quantities"]


class _Slice(pw.io.python.ConnectorObserver):  # type: ignore[misc]
    """Receives the sums of one slice, by cell and day."""

    def __init__(self, state: "_State") -> None:
        self._state = state
        self.rows = 0
        self.changed_at = -1
        self.sums: dict[Any, Row] = {}

    def on_change(self, key: Any, row: Row, time: int, is_addition: bool) -> None:
        """Keep a row that has come; the one it takes the place of is told too, as taken back."""
        self.changed_at = time
        if is_addition:
            self.sums[key] = row
            self.rows += row["rows"]
        else:
            self.rows -= row["rows"]

    def on_time_end(self, time: int) -> None:
        """Pass on that all changes of a time have come."""
        self._state.end(self, time)


class _State:
    """What has come out so far: of every slice, up to which of Pathway's times."""

    def __init__(self) -> None:
        self.slices = {name: _Slice(self) for name in _SLICES}
        self._ended = dict.fromkeys(self.slices.values(), -1)
        self._told = threading.Condition()

    def end(self, one: _Slice, time: int) -> None:
        """Note that all changes of a slice up to a time have come."""
        with self._told:
            self._ended[one] = time
            self._told.notify_all()

    def wait(self, rows: int) -> None:
        """Wait until every slice has come as far as the total is when it counts ``rows`` rows."""
        total = self.slices["total"]
        with self._told:
            self._told.wait_for(
                lambda: min(self._ended.values()) >= total.changed_at and total.rows == rows
            )


class _Feed(pw.io.python.ConnectorSubject):  # type: ignore[misc]
    """Hands over the rows of each file as one minibatch."""

    deletions_enabled = False

    def __init__(self, state: _State, form: _Columns | _Arrays) -> None:
        super().__init__()
        self._state = state
        self._form = form

    def run(self) -> None:
        """Answer requests until there are no more."""
        handed = 0
        for line in sys.stdin:
            rows = list(self._rows(Path(line.strip())))
            handed += len(rows)
            started = time.perf_counter()
            for row in rows:
                self.next(**row)
            self.commit()
            self._state.wait(handed)
            seconds = time.perf_counter() - started
            print(json.dumps({"seconds": seconds, "amounts": self._amounts()}), flush=True)

    def _rows(self, path: Path) -> Iterator[Row]:
        names = ("day", *_DIMENSIONS)
        for *who_and_where, quantities in json.loads(path.read_bytes()):
            placed = dict(zip(names, who_and_where, strict=True))
            yield placed | self._form.fields(quantities)

    def _amounts(self) -> dict[str, list[int]]:
        return {
            name: sum(map(self._form.amounts, one.sums.values())).tolist()
            for name, one in self._state.slices.items()
        }


def _main(form: _Columns | _Arrays) -> None:
    state = _State()
    columns = {"day": str, **dict.fromkeys(_DIMENSIONS, str), **form.types}
    told = pw.io.python.read(
        _Feed(state, form), schema=pw.schema_from_types(**columns), autocommit_duration_ms=None
    )
    for name, named_by in _SLICES.items():
        # A slice of one dimension exists for a value, not for its absence.
        rows = told.filter(told[name] != "") if name in _DIMENSIONS else told
        sums = rows.groupby(rows.day, *(rows[by] for by in named_by)).reduce(
            rows=pw.reducers.count(), **form.sums(rows)
        )
        pw.io.python.write(sums, state.slices[name])
    pw.run(monitoring_level=pw.MonitoringLevel.NONE)


if __name__ == "__main__":
    _main(_Arrays() if sys.argv[1] == "arrays" else _Columns(int(sys.argv[2])))
