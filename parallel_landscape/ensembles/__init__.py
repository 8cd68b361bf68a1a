"""Under which weight walkers move, and how the weight is learnt."""
