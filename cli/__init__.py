"""The `earned` command."""
