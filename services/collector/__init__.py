"""The collector: polls vendors, takes webhooks, imports files and redirects tracked links."""
