"""What the emulator's tests stand on: small organisations, an HTTP client that hides nothing, a task to probe with."""
