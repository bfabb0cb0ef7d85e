"""The reference implementations: real services on real servers."""
