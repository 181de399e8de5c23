"""The API's own SQL: the feed's cursor, and what the stream stored (its tables are the contract, not its code)."""
