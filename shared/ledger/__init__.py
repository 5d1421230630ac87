"""The ledger: the single write path, append-only, exactly once per identity and content."""

from shared.ledger.append import AppendResult, FactRejected, append
from shared.ledger.conversion import Inconvertible
from shared.ledger.read import Entry, head_position, read_entries
from shared.ledger.reconversion import Reconverted, convert_anew

__all__ = [
    "AppendResult",
    "Entry",
    "FactRejected",
    "Inconvertible",
    "Reconverted",
    "append",
    "convert_anew",
    "head_position",
    "read_entries",
]
