"""Who asks and what they may do: users, keys, sessions, rights, approval."""
