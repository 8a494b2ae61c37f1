"""Figures of this machine; not part of the package."""
