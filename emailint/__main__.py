"""`python -m emailint` is the `emailint` command."""

from emailint.cli import main

if __name__ == "__main__":
    main()
