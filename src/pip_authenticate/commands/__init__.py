"""The commands: one module for each, with `main(arguments, environ)`."""
