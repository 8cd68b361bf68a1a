"""What walkers do, round by round: search, learn, equilibrate, produce."""
