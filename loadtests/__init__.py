"""Load scenarios, the open-loop generator and what judges a run."""
