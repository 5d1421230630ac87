"""A child's log is followed across restarts and kept from growing without end."""

from pathlib import Path

from cli.logfiles import LogFile


def write(log: LogFile, content: bytes) -> None:
    with log.open() as file:
        file.write(content)


def test_last_lines_of_a_log_that_was_never_written(tmp_path: Path) -> None:
    assert LogFile(tmp_path / "none.log").last_lines(5) == []


def test_last_lines_survive_bytes_that_are_not_text(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "logs" / "a.log")
    write(log, b"one\ntwo\n\xff three")

    assert log.last_lines(2) == ["two", "\N{REPLACEMENT CHARACTER} three"]


def test_new_lines_come_once_and_only_when_complete(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log")
    write(log, b"old\n")
    log.skip_to_end()

    write(log, b"first\nsec")
    assert list(log.new_lines()) == ["first"]
    write(log, b"ond\n")
    assert list(log.new_lines()) == ["second"]
    assert list(log.new_lines()) == []


def test_a_large_log_is_set_aside_and_the_new_one_is_followed(tmp_path: Path) -> None:
    log = LogFile(tmp_path / "a.log")
    write(log, b"x" * (9 * 1024 * 1024))
    log.skip_to_end()

    write(log, b"again\n")

    assert list(log.new_lines()) == ["again"]
    assert (tmp_path / "a.log.1").stat().st_size == 9 * 1024 * 1024
