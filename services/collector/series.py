"""Time series of the connectors, present from the start: an alert on a rate needs a zero."""

from services.collector.connectors import CONNECTORS
from shared.observability import metrics

__all__ = ["initialize_series"]


def initialize_series() -> None:
    """Create the series of every provider and stream; each process of the collector calls it."""
    metrics.initialize_providers(
        {
            provider: [stream.name for stream in connector.streams]
            for provider, connector in CONNECTORS.items()
        }
    )
