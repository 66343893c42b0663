"""The level-set engine: exact growth of sets by the Neyman-Pearson lemma.

Today it holds the uniform bodies, whose growth function is the volume of an overlap.
"""
