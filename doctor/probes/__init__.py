"""The only code, with fix/, that touches the machine."""
