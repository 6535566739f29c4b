# ruff: noqa: INP001, UP031, UP036, PTH118, PTH120, PTH100
"""The task's first lines of Python: readable for very old ones, which are turned away here.

Every exit here, before `main`, has done nothing: python.js tries another Python then. The first argument is
the file descriptor on which it waits to be told that this one begins; it is empty where nobody waits. Further
arguments are a folder and a command for people, which an action of GitHub runs there in place of the task.
"""

import gc
import os
import signal
import sys

waiting, folder, command = "".join(sys.argv[1:2]), "".join(sys.argv[2:3]), sys.argv[3:]
debug = "::debug::" if command else "##vso[task.debug]"

if sys.version_info < (3, 10):
    sys.stdout.write(debug + "Python %d.%d.%d is older than 3.10.\n" % sys.version_info[:3])
    sys.stdout.flush()
    sys.exit(86)

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "lib"))
gc.set_threshold(100000)  # as in cli.py
signal.signal(signal.SIGINT, signal.SIG_DFL)  # without a traceback, until the task listens

try:
    if command:
        from pip_authenticate.cli import main
    else:
        from pip_authenticate.task import main
except ImportError as error:
    sys.stdout.write(debug + "This Python cannot import %s.\n" % error.name)
    sys.stdout.flush()
    sys.exit(88)

if waiting:
    try:
        os.write(int(waiting), b".")
        os.close(int(waiting))
    except OSError:
        sys.exit(87)  # python.js starts this one once more, without waiting

if command:
    os.chdir(folder)
    sys.exit(main(command))
code = main()
gc.freeze()
sys.exit(code)
