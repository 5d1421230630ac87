"""Talking to vendors: one client with limits, authentication flows, paginators, typed errors."""
