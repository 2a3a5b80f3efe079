"""Scripts that other Pythons run: standard library only."""
