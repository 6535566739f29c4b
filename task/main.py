# ruff: noqa: INP001, UP031, UP036, PTH118, PTH120, PTH100
"""The task's first lines of Python: readable for very old ones, which are turned away here."""

import os
import sys

if sys.version_info < (3, 10):
    sys.stdout.write("##vso[task.debug]Python %d.%d.%d is older than 3.10.\n" % sys.version_info[:3])
    sys.stdout.flush()
    sys.exit(86)  # shim.js tries another one then

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

from pip_authenticate.task import main

sys.exit(main())
