"""What makes a person trust the engines: models made at random, closed forms, other people's programs.

The tests and ``lab prove`` run the same cases; the command runs as many as one likes.
"""
