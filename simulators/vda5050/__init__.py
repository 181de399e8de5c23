"""Simulated VDA 5050 vehicles: they drive, pick, drop, charge, fail and get lost, over real MQTT and in plant time.

They share the codec and the standard's acceptance rules with the product, and nothing of the master's rules.
"""
