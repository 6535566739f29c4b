# ruff: noqa: INP001, UP031, UP036, PTH118, PTH120, PTH100
"""The task's first lines of Python: readable for very old ones, which are turned away here.

Every exit here, before `main`, has done nothing: shim.js tries another Python then. An argument is the
file descriptor on which shim.js waits to be told that this one begins with the task.
"""

import os
import sys

if sys.version_info < (3, 10):
    sys.stdout.write("##vso[task.debug]Python %d.%d.%d is older than 3.10.\n" % sys.version_info[:3])
    sys.stdout.flush()
    sys.exit(86)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # without a traceback, until the task listens

try:
    from pip_authenticate.task import main
except ImportError as error:
    sys.stdout.write("##vso[task.debug]This Python cannot import %s.\n" % error.name)
    sys.stdout.flush()
    sys.exit(88)

if sys.argv[1:]:
    try:
        os.write(int(sys.argv[1]), b".")
        os.close(int(sys.argv[1]))
    except OSError:
        sys.exit(87)  # shim.js starts this one once more, without waiting

sys.exit(main())
