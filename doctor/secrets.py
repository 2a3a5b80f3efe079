"""Removes credentials from addresses and settings, before they become facts."""

from .patterns import lazy

#: what stands where a secret stood
HIDDEN = "***"

_SCHEME = lazy(r"([A-Za-z][A-Za-z0-9+.-]*://)(\S*)")
_BARE = lazy(r"(?<![\w/@.:\\])[^\s/@:\\]+:[^\s/@\\]+@(?=[\w.-]+(:\d+)?(/|\s|$))")
_QUERY = lazy(
    r"(?i)([?&;](?:[\w.-]*(?:token|secret|password|passwd|pwd|auth|signature|credential)[\w.-]*|sig|key|api_?key)=)[^&;\s#]+"
)
#: a part of a path that is a key: long, letters and digits mixed, no dot (a file name has one)
_KEY = lazy(r"(?<=/)(?=[A-Za-z_-]*\d)(?=[\d_-]*[A-Za-z])[A-Za-z0-9_-]{20,}(?=/|$)")


def without_credentials(text: str) -> str:
    """Return text whose addresses hold no user name, password or token; addresses themselves stay readable."""
    text = _SCHEME.sub(lambda match: match.group(1) + _clean(match.group(2)), text)
    return _BARE.sub("", text)


def _clean(rest: str) -> str:
    """Return what follows ``scheme://`` without credentials."""
    netloc, slash, path = rest.partition("/")
    host, colon, port = netloc.rpartition(":")
    if "@" in netloc:
        netloc = netloc.rpartition("@")[2]
    elif colon and "@" in path and not port.isdigit() and not netloc.startswith("["):
        # an unescaped slash in a password: what looks like a path still belongs to it
        netloc, slash, path = path.rpartition("@")[2].partition("/")
    return _QUERY.sub(r"\1" + HIDDEN, netloc + _KEY.sub(HIDDEN, slash + path))
