"""Tracked links: the redirect, and the click that it books."""

from services.collector.links.endpoint import redirect_route
from services.collector.links.service import LinkService

__all__ = ["LinkService", "redirect_route"]
