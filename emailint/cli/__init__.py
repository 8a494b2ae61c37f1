"""The `emailint` command: builds objects, calls what does the work, prints, sets the exit status.

A family of commands a file; each file is imported only when one of its commands is called.
"""

from emailint.cli.app import main

__all__ = ["main"]
