"""Which version of the product runs."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["product_version"]


def product_version() -> str:
    """Return the version of the installed product."""
    try:
        return version("earned")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0.0.0"
