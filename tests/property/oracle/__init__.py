"""What every figure is, computed slowly from the facts that stand: see `tests.property`."""
