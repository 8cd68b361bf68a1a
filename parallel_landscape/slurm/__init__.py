"""Jobs on a SLURM cluster: what they ask for, the batch script, the chain of links until a run is done, arrays of runs."""
