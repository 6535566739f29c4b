"""Credentials of private Python package indexes, given to pip."""

__version__ = "1.0.0"
