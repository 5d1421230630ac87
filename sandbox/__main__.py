"""``python -m sandbox``: serve the vendor look-alikes."""

import argparse
from pathlib import Path

from sandbox.app import run


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--journal", type=Path, help="file that keeps changes across restarts")
    options = parser.parse_args()
    run(options.host, options.port, journal=options.journal)


if __name__ == "__main__":
    main()
