"""Benchmarks against named peers. `python -m bench` runs all of them, `python -m bench NAME…` some."""
