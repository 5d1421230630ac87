"""What every process of Earned shares: facts, ledger, rollups, formulas, and their plumbing."""
