"""HubSpot's CRM API and webhooks, as far as reading a CRM needs them."""

from sandbox.hubspot.app import create_hubspot
from sandbox.hubspot.store import CrmStore, UnknownObjectError

__all__ = ["CrmStore", "UnknownObjectError", "create_hubspot"]
