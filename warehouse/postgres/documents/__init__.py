"""Receipts, issues, work orders, transfers, counts, inspection."""
