"""Put-away and transport tasks."""
