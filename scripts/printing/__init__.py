"""The printed sets: HTML to Typst to PDF."""
