"""Readers that push what they read as JSON, over HTTP or MQTT, instead of being driven over LLRP."""
