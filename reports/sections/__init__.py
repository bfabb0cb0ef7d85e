"""The parts of a report, each from what was read to a section of text, tables and figures."""
