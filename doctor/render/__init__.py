"""Reports as text: the only code that knows rich."""
