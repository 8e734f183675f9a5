"""The checks, their evidence, and the ledger of what is claimed."""
