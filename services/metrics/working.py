"""Working tables of a connection: temporary, and emptied at each commit."""

__all__ = ["working_table"]


def working_table(name: str, columns: str) -> str:
    """Return the statements that make a table of ``columns``, a list of names and types.

    Its values are names and numbers, of which a row holds a few thousand bytes at most: none is
    ever put aside (TOAST). A table that could do so has another one and an index beside it. An
    index is built anew when its table is emptied, and twenty of them were most of what it costs to
    commit a fold of a few facts. Columns are declared with PLAIN after they were added, as
    ``CREATE TABLE`` cannot do it before PostgreSQL 16.
    """
    declared = [column.strip() for column in columns.split(",")]
    changes = (
        *(f"ADD COLUMN {column}" for column in declared),
        *(f"ALTER COLUMN {column.split()[0]} SET STORAGE PLAIN" for column in declared),
    )
    return (
        f"CREATE TEMPORARY TABLE {name} () ON COMMIT DELETE ROWS;"
        f" ALTER TABLE {name} {', '.join(changes)}"
    )
