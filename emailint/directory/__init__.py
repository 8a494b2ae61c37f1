"""Employees, contacts and organisations, and the workspace of each: one file, looked up through an index.

`open_directory` costs nothing before the first look-up. `check` tells what is wrong with a file.
"""

from emailint.directory.check import Inspection, check
from emailint.directory.lookup import IndexedDirectory, open_directory
from emailint.directory.model import NOBODY, Directory, Organisation, Person, Workspace

__all__ = [
    "NOBODY",
    "Directory",
    "IndexedDirectory",
    "Inspection",
    "Organisation",
    "Person",
    "Workspace",
    "check",
    "open_directory",
]
