"""Says why PyTorch, torchvision, numpy or a Raspberry Pi set-up will break, and repairs it safely.

Importing this package costs almost nothing; everything else is imported when it is used.
"""

from .version import __version__

__all__ = ["__version__", "require"]


def require(*codes):
    """Stop the program here when something at error level would break the training.

    Meant for the top of a training script: a quick check of the Python that runs it, without import trials (at most
    0.15 s). With codes, only these are looked at. Raises SystemExit(1) after printing the findings on stderr.
    """
    from .session import guard

    guard(codes)
