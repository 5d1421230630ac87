"""The metrics service: folds the ledger into rollups, incrementally."""
