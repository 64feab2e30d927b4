"""A provider to order: a stand-in for tests and benchmarks that speaks HTTP on the loopback.

It needs neither Django nor a database, and keeps its own record of every call: what a test holds
against what the application says it did.
"""
