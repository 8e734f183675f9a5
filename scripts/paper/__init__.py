"""The exam, its parts, and their pages as trees: what is written."""
