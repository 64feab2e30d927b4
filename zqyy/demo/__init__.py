"""A chain of three stores with two years of history, deterministic by seed.

The numbers are plain Python made from one `random.Random`; they enter the database through the
importers that any till's files go through.
"""
