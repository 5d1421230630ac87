"""Everything the look-alikes remember, and the journal that survives a restart."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.credentials import ACCOUNTS, TokenBook
from sandbox.faults import FaultQueue
from sandbox.golden.people import active
from sandbox.golden.program import default_code
from sandbox.hubspot.store import CrmStore, Event

__all__ = ["Sandbox", "utc_now"]


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


class Sandbox:
    """The state of all vendors.

    What a control call changes for good (link codes, records) is appended to ``journal``, one
    JSON document a line, and read again at the next start: a vendor does not forget because its
    process was killed. Tokens and faults start afresh.
    """

    def __init__(
        self, *, clock: Callable[[], datetime] = utc_now, journal: Path | None = None
    ) -> None:
        self.clock = clock
        self.crm = CrmStore(clock)
        self.tokens = {
            "hubspot": TokenBook("hubspot", ACCOUNTS["hubspot"]),
            "linkedin": TokenBook(
                "linkedin", ACCOUNTS["linkedin"], *(person.ref for person in active())
            ),
            "ga4": TokenBook("ga4"),
        }
        self.faults = FaultQueue()
        self.requests: Counter[str] = Counter()
        self._codes: dict[str, str] = {}
        self._journal = journal
        for entry in [] if journal is None else _entries(journal):
            self._replay(entry)

    def code_of(self, employee: str) -> str:
        """Return the code of an employee's tracked link, or its stand-in."""
        return self._codes.get(employee, default_code(employee))

    def set_codes(self, codes: Mapping[str, str]) -> None:
        """Remember the codes the product gave to the employees' links."""
        self._codes.update(codes)
        self._write({"do": "codes", "codes": dict(codes)})

    def change(
        self,
        kind: str,
        object_id: str,
        properties: Mapping[str, str | None],
        *,
        at: datetime | None = None,
    ) -> list[Event]:
        """Change a CRM record; see :meth:`CrmStore.change`."""
        events = self.crm.change(kind, object_id, properties, at=at)
        self._write(
            {
                "do": "change",
                "kind": kind,
                "id": object_id,
                "properties": dict(properties),
                "at": self.crm.get(kind, object_id).updated_at.isoformat(),
            }
        )
        return events

    def delete(self, kind: str, object_id: str, *, at: datetime | None = None) -> list[Event]:
        """Delete a CRM record; see :meth:`CrmStore.delete`."""
        events = self.crm.delete(kind, object_id, at=at)
        deleted_at = events[0].occurred_at.isoformat()
        self._write({"do": "delete", "kind": kind, "id": object_id, "at": deleted_at})
        return events

    def _write(self, entry: dict[str, Any]) -> None:
        if self._journal is not None:
            with self._journal.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")

    def _replay(self, entry: dict[str, Any]) -> None:
        if entry["do"] == "codes":
            self._codes.update(entry["codes"])
            return
        at = datetime.fromisoformat(entry["at"])
        if entry["do"] == "change":
            self.crm.change(entry["kind"], entry["id"], entry["properties"], at=at)
        else:
            self.crm.delete(entry["kind"], entry["id"], at=at)


def _entries(journal: Path) -> list[dict[str, Any]]:
    journal.parent.mkdir(parents=True, exist_ok=True)
    text = journal.read_text(encoding="utf-8") if journal.exists() else ""
    # A process killed while it wrote leaves half a line, which the next entry must not join.
    whole = text[: text.rfind("\n") + 1]
    if whole != text:
        journal.write_text(whole, encoding="utf-8")
    return [json.loads(line) for line in whole.splitlines()]
