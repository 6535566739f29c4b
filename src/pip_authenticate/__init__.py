"""Credentials of private Python package indexes, given to pip."""

import os
from collections.abc import Mapping

__version__ = "1.0.0"

ENVIRON: Mapping[str, str] = os.environ
"""The environment of this process, named here only: edges hand it on as a value."""
