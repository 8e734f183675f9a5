"""The figures: drawn in every width and scheme, and cached."""
