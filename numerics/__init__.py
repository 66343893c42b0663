"""Numerical tools that know nothing of smoothing: bounds, rounding, special functions, errors."""
