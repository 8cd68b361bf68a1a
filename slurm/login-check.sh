#!/bin/bash
# On a login node; nothing is submitted: slurm/login-check.sh job.toml [flags of `pland submit`]
# Is this machine set up right, is the job sound, and would SLURM take it?
set -eu
[ -e .venv ] && source .venv/bin/activate
python -m parallel_landscape doctor
python -m parallel_landscape check "$1"
script=$(python -m parallel_landscape submit "$@" --dry-run)
sbatch --test-only <<<"$script"
