"""Balances, movements, value, reservations: the ledger and what follows from it."""
