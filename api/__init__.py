"""HTTP: queries, commands, live feed."""
