"""What a run says while it works, apart from its results."""

import sys

__all__ = ["say"]


def say(line: str) -> None:
    """Print a line of progress."""
    print(f"  {line}", file=sys.stderr, flush=True)
