"""`python -m emailint` is the `emailint` command."""

import sys

from emailint.cli import main

if __name__ == "__main__":
    sys.exit(main())
