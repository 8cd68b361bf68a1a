"""Replica-symmetric reference curves: what theory expects of typical states in the limit of many weights.

One mechanism throughout: a channel for each loss (`channel`), averages over patterns and weights (`averages`), a saddle point
with a stated residual (`solve`), and quadrature doubled until nothing changes (`quadrature`). Every function takes
plain numbers and returns a small frozen dataclass that also holds its status, residual and quadrature error;
`catalogue.CURVES` lists them, `quantities.QUANTITIES` says what each number is. Nothing here is imported by a run.
"""
