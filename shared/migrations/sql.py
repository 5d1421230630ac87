"""Run a migration written as plain SQL, in the transaction of the migration."""

from pathlib import Path
from typing import Any

from alembic import op

__all__ = ["run_sql", "run_sql_file"]

_VERSIONS = Path(__file__).parent / "versions"


def run_sql_file(name: str) -> None:
    """Execute every statement of ``versions/<name>``; all or none."""
    run_sql((_VERSIONS / name).read_text(encoding="utf-8"))


def run_sql(statements: str) -> None:
    """Execute a script of several statements.

    asyncpg prepares what SQLAlchemy sends, and a prepared statement holds a single command; the
    driver's own ``execute`` speaks the simple protocol, which takes a script.
    """
    connection = op.get_bind()
    connection.exec_driver_sql("SELECT 1")  # opens the transaction that SQLAlchemy starts lazily

    async def execute(driver: Any) -> None:
        await driver.execute(statements)

    adapted: Any = connection.connection.dbapi_connection
    adapted.run_async(execute)
