"""The vendors the collector knows. A new one is a folder here and a line in the table below."""

from typing import Any, Final

from services.collector.connectors.declaration import Connector
from services.collector.connectors.ga4.connector import GA4
from services.collector.connectors.hubspot.connector import HUBSPOT
from services.collector.connectors.linkedin.connector import LINKEDIN

__all__ = ["CONNECTORS"]

#: Provider → declaration.
CONNECTORS: Final[dict[str, Connector[Any, Any]]] = {
    connector.provider: connector for connector in (HUBSPOT, LINKEDIN, GA4)
}
