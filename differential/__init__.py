"""The differential engine: from psi to the law of gamma, Phi and the radius."""
