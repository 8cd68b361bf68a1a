"""Which phases follow each other in a run, for each kind of ensemble."""
