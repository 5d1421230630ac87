"""The REST API: exposes what the ledger and the rollups hold, and computes nothing itself."""
