"""Keys: those that guard the product's secrets, and those its callers present."""
