"""The ledger: the single write path, append-only, exactly once per identity and content."""

from shared.ledger.append import AppendResult, FactRejected, append
from shared.ledger.read import Entry, head_position, read_entries

__all__ = [
    "AppendResult",
    "Entry",
    "FactRejected",
    "append",
    "head_position",
    "read_entries",
]
