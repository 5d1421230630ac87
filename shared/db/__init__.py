"""PostgreSQL: one pool per process, one transaction per unit of work, one organization per
transaction."""

from shared.db.engine import TEMP_BUFFERS, Database
from shared.db.planning import plan_for_any_organization
from shared.db.url import sqlalchemy_url

__all__ = ["TEMP_BUFFERS", "Database", "plan_for_any_organization", "sqlalchemy_url"]
