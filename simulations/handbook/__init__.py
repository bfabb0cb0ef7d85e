"""The reference pages: written from the docstrings, so that what the code says of itself is what people read."""
