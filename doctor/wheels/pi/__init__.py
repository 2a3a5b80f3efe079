"""Wheels on a Raspberry Pi: piwheels, community builds under odd names, and what each was built for; pure.

``catalogue`` lists every file that is known for ARM, ``boards`` says what they are for, ``fitting`` judges a file
against a board, ``sets`` picks one consistent set with a numpy that all of it accepts, and ``told`` puts that into the
words of ``doctor pi`` and ``doctor wheels``.
"""
