"""Read a CSV file strictly (pure): what cannot be read one way only is refused, never guessed.

Accepted is RFC 4180 in UTF-8, with or without a byte order mark, with a header row. Cells are data:
one that looks like a formula is text like any other.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from shared.errors import FieldError

__all__ = ["MAX_ROWS", "CsvFile", "Layout", "Row", "UnreadableCsv", "read_csv"]

MAX_ROWS: Final = 200_000
_MOST_ERRORS: Final = 100
_LONGEST_CELL: Final = 4_000


class UnreadableCsv(ValueError):
    """The file as a whole cannot be read; ``errors`` says where and why."""

    def __init__(self, *errors: FieldError) -> None:
        super().__init__(errors[0]["message"])
        self.errors = list(errors)


@dataclass(frozen=True, slots=True)
class Layout:
    """The columns of a kind of file. Optional ones may be missing from the header."""

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Return every column the file may have."""
        return self.required + self.optional


@dataclass(frozen=True, slots=True)
class Row:
    """One record: the line it starts on and its cells by column; an empty cell is None."""

    line: int
    cells: dict[str, str | None]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """The columns a file has and its records; ``errors`` lists the records that cannot be read."""

    columns: frozenset[str]
    rows: list[Row]
    errors: list[FieldError] = field(default_factory=list)


def read_csv(content: bytes, layout: Layout) -> CsvFile:
    """Return the records of a file that has the columns of ``layout``, in any order.

    Raises:
        UnreadableCsv: not UTF-8, a NUL, broken quoting, no header, or a header with columns that
            are unknown, missing or there twice.
    """
    records = _records(_decode(content))
    try:
        header = [name.strip() for name in next(records)[1]]
        _check_header(header, layout)
        return _collect(records, header)
    except StopIteration:
        raise UnreadableCsv(_error("", "header", "the file has no header row")) from None
    except csv.Error:
        raise UnreadableCsv(
            _error("", "csv", "quotes are not closed, or a cell goes on after its closing quote")
        ) from None


def _decode(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UnreadableCsv(_error(f"lines.{line}", "encoding", "the file must be UTF-8")) from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UnreadableCsv(_error(f"lines.{line}", "nul", "the file holds a NUL character"))
    return text


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, cells) of each record that is not an empty line."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    for cells in reader:
        if cells:
            yield line, cells
        line = reader.line_num + 1


def _check_header(header: Sequence[str], layout: Layout) -> None:
    # By their place: in a file without a header these are somebody's data, which no answer repeats.
    known = f"known are: {', '.join(layout.columns)}"
    errors = [
        _error(f"columns.{number}", "unknown_column", known)
        for number, name in enumerate(header, start=1)
        if name not in layout.columns
    ]
    errors += [
        _error(name, "missing_column", "the header must name this column")
        for name in layout.required
        if name not in header
    ]
    errors += [
        _error(name, "duplicate_column", "the header names this column more than once")
        for name in layout.columns
        if header.count(name) > 1
    ]
    if errors:
        raise UnreadableCsv(*errors[:_MOST_ERRORS])


def _collect(records: Iterator[tuple[int, list[str]]], header: Sequence[str]) -> CsvFile:
    file = CsvFile(frozenset(header), [])
    for line, cells in records:
        if len(file.rows) >= MAX_ROWS:
            raise UnreadableCsv(_error("", "too_many_rows", f"at most {MAX_ROWS:,} rows"))
        if len(cells) != len(header):
            message = f"the row has {len(cells)} cells, the header {len(header)}"
            file.errors.append(_error(f"lines.{line}", "cell_count", message))
        elif any(len(cell) > _LONGEST_CELL for cell in cells):
            message = f"a cell holds at most {_LONGEST_CELL:,} characters"
            file.errors.append(_error(f"lines.{line}", "cell_length", message))
        else:
            values = (cell.strip() or None for cell in cells)
            file.rows.append(Row(line, dict(zip(header, values, strict=True))))
    return file


def _error(field: str, rule: str, message: str) -> FieldError:
    return FieldError(field=field, rule=rule, message=message)
