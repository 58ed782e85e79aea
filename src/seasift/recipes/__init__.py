"""Recipes of training runs: the YAML files that come with the package, and what may stand in one. Loads no torch."""
