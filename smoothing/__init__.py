"""Smoothing densities: what psi is made of, its structures, norms, samplers."""
