"""Device protocols, each a pure codec with thin drivers around it."""
