"""Employees, contacts and organisations, and the workspace of each: one file, looked up through an index.

`model.Directory` is what rules ask, `lookup.open_directory` makes one of a file and costs nothing before the
first question, `check.check` tells what is wrong with a file.
"""
