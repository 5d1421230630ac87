"""Google Analytics 4: ``runReport`` of the Data API, key events, and Google's token endpoint."""

from sandbox.ga4.app import create_ga4

__all__ = ["create_ga4"]
