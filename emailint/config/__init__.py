"""`integrations.yaml`: read, checked whole, and resolved into values that need no further look-up."""
