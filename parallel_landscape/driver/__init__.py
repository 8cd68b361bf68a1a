"""A run from its first round to its last: campaign, rounds, checkpoints, restart."""
