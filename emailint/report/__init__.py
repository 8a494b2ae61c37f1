"""What people and programs are shown of results: plain text, tables, JSON. Nothing here decides anything.

`sweep`, `steps` and `records` turn results into sheets, lines and documents; `sheet` prints a sheet as plain
text; `screen` and `progress` do so with rich, which is imported when a terminal needs it.
"""
