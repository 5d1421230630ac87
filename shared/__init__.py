"""What every Earned process shares: facts, ledger, rollups, formulas, and the plumbing under them."""
