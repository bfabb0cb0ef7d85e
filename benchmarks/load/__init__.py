"""The load generator against others: what it costs, how late it is, and whether they measure the same."""
