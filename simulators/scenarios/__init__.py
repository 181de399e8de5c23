"""Scenarios as data: what happens at doors and in zones, run by seed into reads and truth."""
