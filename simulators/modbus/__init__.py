"""Simulated weighing indicators behind a real Modbus server."""
