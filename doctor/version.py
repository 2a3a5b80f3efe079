"""The version of the doctor."""

__version__ = "0.1.0"
