"""`python -m azure_devops_emulator`: the command line."""

import sys

from azure_devops_emulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
