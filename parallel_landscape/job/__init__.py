"""The job file: its sections, what may be written in them, and what it all means together."""
