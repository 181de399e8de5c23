"""Items, lots, tags, handling units, stock and places."""
