"""`python -m lagrad`: the same as the command `lagrad`."""

import sys

from lagrad.cli.commands import main

if __name__ == "__main__":
    sys.exit(main())
