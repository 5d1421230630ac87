"""Tables with a row-by-row life: organizations, keys, people, connections, links, assumptions,
goals.

The ledger and the rollups are written by set-based SQL only and have no classes here; their schema
is in the migrations. Table classes do not validate: they are built in repositories, from input
that another model has already checked.
"""

from shared.models.tables import (
    ApiKey,
    Assumption,
    Connection,
    Employee,
    Goal,
    ImportRun,
    InboxDelivery,
    Link,
    Organization,
    SyncRun,
    SyncState,
)

__all__ = [
    "ApiKey",
    "Assumption",
    "Connection",
    "Employee",
    "Goal",
    "ImportRun",
    "InboxDelivery",
    "Link",
    "Organization",
    "SyncRun",
    "SyncState",
]
