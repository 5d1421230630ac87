"""Earned media value: what the same attention would have cost as advertising.

Four published methods give four sums for the same facts, so an answer always names its method, its
rates and their versions. The value is avoided cost: it is never added to revenue by itself. Each
method is a KPI of the catalogue, ``emv_`` and its name.
"""

from __future__ import annotations

from enum import StrEnum

__all__ = ["EmvMethod"]


class EmvMethod(StrEnum):
    """The published ways to price attention."""

    CPC = "cpc"
    CPM = "cpm"
    MIXED = "mixed"
    INTERACTION = "interaction"
