"""What the installers read: one module for each client."""
