"""Is this machine set up right? Small checks, each with a grade and what to do; `examine.py` runs them all."""
