"""Capacity models: the vocabulary, its two engines, and the studies that run them."""
