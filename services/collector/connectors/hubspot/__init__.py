"""HubSpot: contacts as leads, deals with their state, and webhooks that say what changed."""
