"""From the slots at the end of a run to its result, with an error and an honest status."""
