"""LinkedIn's Community Management and member analytics APIs, as far as measuring needs them."""

from sandbox.linkedin.app import create_linkedin

__all__ = ["create_linkedin"]
