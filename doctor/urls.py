"""The parts of an address that messages name; ``urllib`` costs two milliseconds and stumbles over ``http://[``."""

import re


def host_of(address: str) -> str:
    """Return the host of an address (``https://host:80/x``, ``host:80``, ``socks5://user@[::1]:1``) in lower case."""
    match = re.match(r"(?:[A-Za-z][A-Za-z0-9+.-]*://)?(?:[^/@\s]*@)?(\[[^\]/]*\]?|[^/:\s?#]*)", address)
    return match.group(1).strip("[]").lower() if match else ""


def scheme_of(address: str) -> str:
    """Return the scheme of an address in lower case; empty when it has none."""
    scheme, separator, _ = address.partition("://")
    return scheme.lower() if separator else ""
