"""The guards before every provider call: kill switch, breaker, rate, budgets.

The decision is one SQL function (aijobs/sql/0003_gate.up.sql); here are its limits, its callers
and what people are told.
"""
