"""A dive as a table of what was seen: tracks, counts with intervals, positions, the report."""
