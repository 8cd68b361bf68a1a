"""Paths between weight vectors: curves and simplices, aligned units, minimum-energy paths, steered paths, and curvature.

Everything here takes plain functions of a batch of weights, `energies(weights (R, n)) -> (R,)` and the like, and knows of
landscapes and runs nothing.
"""
