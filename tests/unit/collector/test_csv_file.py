"""Strict CSV: one reading or none."""

import pytest

from services.collector.imports.csv_file import Layout, UnreadableCsv, read_csv

LAYOUT = Layout(("employee", "team"), ("note",))


def rules(error: pytest.ExceptionInfo[UnreadableCsv]) -> list[tuple[str, str]]:
    return [(item["field"], item["rule"]) for item in error.value.errors]


def test_reads_records_by_column_whatever_their_order() -> None:
    file = read_csv(b"team,employee\r\nSales,E1\r\n,E2\r\n", LAYOUT)

    assert [(row.line, row.cells) for row in file.rows] == [
        (2, {"team": "Sales", "employee": "E1"}),
        (3, {"team": None, "employee": "E2"}),
    ]
    assert file.columns == {"team", "employee"}


def test_a_byte_order_mark_is_not_part_of_the_first_column() -> None:
    file = read_csv("\ufeffemployee,team\nE1,Łódź\n".encode(), LAYOUT)

    assert file.rows[0].cells == {"employee": "E1", "team": "Łódź"}


@pytest.mark.parametrize("cell", ["=1+1", "+48", "-5", "@SUM(A1)", "＝cmd|' /C calc'!A0"])
def test_a_cell_that_looks_like_a_formula_is_text(cell: str) -> None:
    file = read_csv(f"employee,team\nE1,{cell}\n".encode(), LAYOUT)

    assert file.rows[0].cells["team"] == cell


def test_quoted_cells_hold_commas_quotes_and_line_breaks() -> None:
    file = read_csv(b'employee,team,note\nE1,"A, ""B""","two\nlines"\nE2,C,\n', LAYOUT)

    assert file.rows[0].cells == {"employee": "E1", "team": 'A, "B"', "note": "two\nlines"}
    assert file.rows[1].line == 4


def test_empty_lines_are_skipped() -> None:
    file = read_csv(b"employee,team\n\nE1,A\n\n\n", LAYOUT)

    assert [row.line for row in file.rows] == [3]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", ("", "header")),
        (b"\n\n", ("", "header")),
        (b"employee,team\nE\x001,A\n", ("lines.2", "nul")),
        (b"employee,team\nE1,\xff\n", ("lines.2", "encoding")),
        ("employee,team\nE1,A\n".encode("utf-16"), ("lines.1", "encoding")),
        (b'employee,team\nE1,"open\n', ("", "csv")),
        (b'employee,team\nE1,"a"b\n', ("", "csv")),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(content: bytes, expected: tuple[str, str]) -> None:
    with pytest.raises(UnreadableCsv) as error:
        read_csv(content, LAYOUT)

    assert rules(error) == [expected]


def test_every_wrong_column_is_told_and_none_that_the_caller_named_is_repeated() -> None:
    with pytest.raises(UnreadableCsv) as error:
        read_csv(b"employee,employee,salary,\nE1,E1,1,\n", LAYOUT)

    assert rules(error) == [
        ("columns.3", "unknown_column"),
        ("columns.4", "unknown_column"),
        ("team", "missing_column"),
        ("employee", "duplicate_column"),
    ]


def test_a_record_of_another_width_is_an_error_of_its_line() -> None:
    file = read_csv(b"employee,team\nE1,A\nE2\nE3,A,B\n", LAYOUT)

    assert [row.line for row in file.rows] == [2]
    assert [(error["field"], error["rule"]) for error in file.errors] == [
        ("lines.3", "cell_count"),
        ("lines.4", "cell_count"),
    ]


def test_a_cell_without_end_is_an_error_of_its_line() -> None:
    file = read_csv(b"employee,team\nE1," + b"x" * 4001 + b"\n", LAYOUT)

    assert [error["rule"] for error in file.errors] == ["cell_length"]
