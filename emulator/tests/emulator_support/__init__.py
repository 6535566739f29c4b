"""What the tests stand on: small organisations, a client that hides nothing, a task to probe with."""
