"""Schema migrations: additive first, one transaction each, never run by a service process."""
