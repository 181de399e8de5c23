"""Scales over Modbus: register maps as data, pure decoding, one polling driver."""
