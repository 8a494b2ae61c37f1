"""Repair and care of a store: compare ledger and files, make one again from the other, rotate, prune.

Everything here is written so that it may die at any call and be begun again. None of it runs in a sweep.
"""
