"""Folders that look like the /proc, /sys and /etc of a Raspberry Pi, for probes that take a root folder."""

from pathlib import Path
from typing import Mapping, Union

PI4 = {
    "proc/device-tree/model": b"Raspberry Pi 4 Model B Rev 1.4\0",
    "proc/device-tree/compatible": b"raspberrypi,4-model-b\0brcm,bcm2711\0",
    "proc/device-tree/system/linux,revision": b"\x00\xc0\x31\x14",
    "proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-v7l\n",
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: ARMv7 Processor rev 3 (v7l)\n"
    "Features\t: half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae evtstrm crc32\n\n"
    "Hardware\t: BCM2711\nRevision\t: c03114\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n",
    "proc/meminfo": "MemTotal: 1893556 kB\nMemAvailable:    1500000 kB\nSwapTotal:  98300 kB\nSwapFree: 98300 kB\n",
    "proc/swaps": "Filename Type Size Used Priority\n/var/swap file 98300 0 -2\n",
    "etc/dphys-swapfile": "CONF_SWAPSIZE=4096\n",
    "etc/os-release": 'ID=raspbian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID_LIKE=debian\n',
    "etc/apt/sources.list": "deb http://raspbian.raspberrypi.com/raspbian/ bullseye main contrib non-free rpi\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/class/thermal/thermal_zone0/temp": "61300\n",
    "bin/sh": b"\x7fELF\x01\x01\x01",
}

PI5 = dict(
    PI4,
    **{
        "proc/device-tree/model": b"Raspberry Pi 5 Model B Rev 1.0\0",
        "proc/device-tree/compatible": b"raspberrypi,5-model-b\0brcm,bcm2712\0",
        "proc/device-tree/system/linux,revision": b"\x00\xc0\x41\x70",
        "proc/sys/kernel/osrelease": "6.6.31+rpt-rpi-2712\n",
        "proc/cpuinfo": "processor\t: 0\nFeatures\t: fp asimd evtstrm aes crc32 atomics fphp asimdhp cpuid\n\n"
        "Revision\t: c04170\nModel\t\t: Raspberry Pi 5 Model B Rev 1.0\n",
        "proc/meminfo": "MemTotal: 4142080 kB\nMemAvailable: 3500000 kB\nSwapTotal: 524272 kB\nSwapFree: 524272 kB\n",
        "proc/swaps": "Filename Type Size Used Priority\n/var/swap file 524272 0 -2\n",
        "etc/dphys-swapfile": "CONF_SWAPSIZE=512\n",
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n',
        "etc/apt/sources.list": "deb http://archive.raspberrypi.com/debian/ bookworm main\n",
        "sys/devices/platform/soc/soc:firmware/get_throttled": "0\n",
        "bin/sh": b"\x7fELF\x02\x01\x01",
    },
)


def write(root: Path, files: Mapping[str, Union[str, bytes]]) -> Path:
    """Write the files below a root folder and return it."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content if isinstance(content, bytes) else content.encode())
    return root
