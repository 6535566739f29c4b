"""Programs that stand in for those of others; each runs in a process of its own."""
