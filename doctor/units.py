"""Sizes and times as people read them."""

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30


def size(count: float) -> str:
    """Return a number of bytes in binary units with at most one decimal: ``64 MiB``, ``1.5 GiB``, ``0 B``."""
    value = float(count)
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if abs(value) < 1024 or unit == "TiB":
            break
        value /= 1024
    rounded = round(value, 1)
    return "%s %s" % (int(rounded) if rounded == int(rounded) else rounded, unit)


def span(seconds: float) -> str:
    """Return a length of time in its largest unit, rounded: ``40 s``, ``12 min``, ``5 h``, ``3 d``."""
    value = abs(seconds)
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if value >= 2 * length:
            return "%d %s" % (round(value / length), unit)
    return "%d s" % round(value)
