"""A whole plant on a laptop, speaking the real protocols, with known truth."""
