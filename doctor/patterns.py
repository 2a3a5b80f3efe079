"""Regular expressions that are compiled when they are first used.

A run of the doctor loads some two hundred patterns and uses a few of them; compiling the rest took a fifth of
``doctor check --quick``.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import compile as lazy
else:

    class lazy:
        """A pattern with the methods and attributes of a compiled one."""

        def __init__(self, pattern, flags=0):
            self._given = (pattern, flags)

        def __getattr__(self, name):
            import re

            value = getattr(re.compile(*self._given), name)
            setattr(self, name, value)
            return value
