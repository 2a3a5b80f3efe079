"""Compute capability of an NVIDIA card by its PCI device id, for cards that no driver names.

Ranges of device ids whose named cards all carry chips of one capability; read from the PCI id list of
github.com/pciutils/pciids (revision c1c12547, 2026-08-22) with the chip names of NVIDIA's own list of capabilities.
An id between two ranges, or of a chip whose capability is not confirmed (GB112, GB20B), has none here.
"""

from typing import Optional

#: first id, last id, compute capability
_RANGES = (
    (0x06C0, 0x06DF, "2.0"),
    (0x0DC0, 0x0F06, "2.1"),
    (0x0FC0, 0x0FFF, "3.0"),
    (0x1001, 0x102A, "3.5"),
    (0x102D, 0x102D, "3.7"),
    (0x102E, 0x103F, "3.5"),
    (0x1040, 0x107D, "2.1"),
    (0x1080, 0x109B, "2.0"),
    (0x1140, 0x1140, "2.1"),
    (0x1180, 0x11FF, "3.0"),
    (0x1200, 0x1251, "2.1"),
    (0x1280, 0x130B, "3.5"),
    (0x1340, 0x139D, "5.0"),
    (0x13AD, 0x13AE, "5.2"),
    (0x13B0, 0x13BD, "5.0"),
    (0x13BE, 0x1436, "5.2"),
    (0x15C2, 0x15FF, "6.0"),
    (0x1613, 0x1676, "5.2"),
    (0x1725, 0x172F, "6.0"),
    (0x174D, 0x179C, "5.0"),
    (0x17C2, 0x17FD, "5.2"),
    (0x1B00, 0x1D56, "6.1"),
    (0x1D81, 0x1DF6, "7.0"),
    (0x1E02, 0x1FF9, "7.5"),
    (0x2080, 0x20FF, "8.0"),
    (0x2182, 0x21D1, "7.5"),
    (0x2200, 0x223F, "8.6"),
    (0x2302, 0x23F0, "9.0"),
    (0x2414, 0x25FB, "8.6"),
    (0x2681, 0x28F8, "8.9"),
    (0x2900, 0x29F1, "10.0"),
    (0x2B00, 0x2B00, "11.0"),
    (0x2B85, 0x2F58, "12.0"),
    (0x3180, 0x31FE, "10.3"),
)


def capability_of_device(device: int) -> Optional[str]:
    """Return the compute capability of the card with this PCI device id, or None when the id lies in no range."""
    return next((capability for first, last, capability in _RANGES if first <= device <= last), None)
