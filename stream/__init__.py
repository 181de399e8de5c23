"""Operators (pure) and the hosts that run them."""
