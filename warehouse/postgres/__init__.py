"""PostgreSQL adapters and migrations of the warehouse ports."""
