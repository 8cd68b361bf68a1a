"""What walkers do together between rounds: who sits where, who meets whom, and the collectives that carry it."""
