"""What every Earned process shares: facts, the ledger, rollups, KPI formulas and the plumbing under them."""
