"""The checks: one file per code, one folder per family."""
