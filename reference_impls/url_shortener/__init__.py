"""The URL shortener: short codes that redirect, and clicks that are counted exactly once."""
