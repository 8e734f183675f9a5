"""TeX: read, evaluated, mutated, typeset for the web, and turned into print and speech."""
