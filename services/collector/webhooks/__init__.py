"""Webhooks: verify on the raw bytes, keep in one transaction, answer after the commit."""

from services.collector.webhooks.endpoint import LARGEST_DELIVERY, webhook_route
from services.collector.webhooks.service import WebhookService

__all__ = ["LARGEST_DELIVERY", "WebhookService", "webhook_route"]
