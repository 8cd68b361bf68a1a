"""Losses of a pattern as functions of its stability t = y f(x), and activations of hidden units, each with its derivative."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]  # float32 or float64
Loss = Literal["violations", "hinge", "quadratic", "cross-entropy", "square"]
Activation = Literal["tanh", "erf", "relu"]
LossFunction = Callable[[Values], tuple[Values, Values]]  # stabilities -> losses and their derivatives, of the same shape
ActivationFunction = Callable[[Values], Values]  # fields -> activities
Derivative = Callable[[Values, Values], Values]  # fields and activities -> derivatives


def loss_function(name: Loss, margin: float, gain: float) -> LossFunction:
    """l(t) and dl/dt, with z = margin - t and z_+ = max(z, 0):

    violations theta(z); hinge z_+; quadratic z_+^2; cross-entropy ln(1 + exp(2 gain z)) / (2 gain), which is the logarithmic
    loss ln(1 + exp(-t)) for gain = 1/2 and margin = 0; square (1 - t)^2, which is (y - f)^2 and knows no margin.
    """
    double = 2.0 * gain

    def violations(t: Values) -> tuple[Values, Values]:
        return (t < margin).astype(t.dtype), np.zeros_like(t)

    def hinge(t: Values) -> tuple[Values, Values]:
        return np.maximum(margin - t, 0), -(t < margin).astype(t.dtype)

    def quadratic(t: Values) -> tuple[Values, Values]:
        short = np.maximum(margin - t, 0)
        return short * short, -2 * short

    def cross_entropy(t: Values) -> tuple[Values, Values]:
        z = (margin - t) * t.dtype.type(double)
        small = np.exp(-np.abs(z))
        losses = (np.maximum(z, 0) + np.log1p(small)) / t.dtype.type(double)
        return losses, -np.where(z > 0, 1, small) / (1 + small)

    def square(t: Values) -> tuple[Values, Values]:
        return (t - 1) * (t - 1), 2 * (t - 1)

    chosen: dict[str, LossFunction] = {
        "violations": violations,
        "hinge": hinge,
        "quadratic": quadratic,
        "cross-entropy": cross_entropy,
        "square": square,
    }
    return chosen[name]


def activation_function(name: Activation) -> tuple[ActivationFunction, Derivative]:
    """sigma(h) and sigma'(h): tanh h; erf(h / 2^(1/2)), from the smooth sign of a Gaussian; max(h, 0)."""
    from scipy.special import erf

    half, scale = math.sqrt(0.5), math.sqrt(2.0 / math.pi)

    def tanh_derivative(fields: Values, activities: Values) -> Values:
        found = activities * activities
        return np.subtract(1, found, out=found)

    def erf_activity(fields: Values) -> Values:
        return erf(fields * fields.dtype.type(half))

    def erf_derivative(fields: Values, activities: Values) -> Values:
        return np.exp(fields * fields * fields.dtype.type(-0.5)) * fields.dtype.type(scale)

    def relu(fields: Values) -> Values:
        return np.maximum(fields, 0)

    def relu_derivative(fields: Values, activities: Values) -> Values:
        return (fields > 0).astype(fields.dtype)

    chosen: dict[str, tuple[ActivationFunction, Derivative]] = {
        "tanh": (np.tanh, tanh_derivative),
        "erf": (erf_activity, erf_derivative),
        "relu": (relu, relu_derivative),
    }
    return chosen[name]
