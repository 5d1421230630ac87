"""PostgreSQL: one pool per process, one transaction per unit of work, one organization per
transaction."""

from shared.db.engine import Database
from shared.db.url import sqlalchemy_url

__all__ = ["Database", "sqlalchemy_url"]
