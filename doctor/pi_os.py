"""Releases of Raspberry Pi OS: what each brought, when it ended, and how things are done on it.

Read 2026-11-22 from RPi-Distro/pi-gen (release notes and each branch), Debian's package listings, the piwheels blog,
raspberrypi/documentation; dates of Debian's long-term support are months where only the month is published.
"""

from typing import Dict, NamedTuple, Optional

from .model import Manual, Remedy, System
from .text import Text


class Release(NamedTuple):
    codename: str
    debian: int
    #: Python that the release ships, its ABI tag, and the pip beside it
    python: str
    abi: str
    pip: str
    glibc: str
    #: year-month-day, or year-month, of the end of Debian's long-term support
    support_ends: str
    #: day on which piwheels stopped building for it; None while it builds
    piwheels_stopped: Optional[str]
    #: the mechanism that makes its swap
    swap: str
    #: folder of config.txt
    boot: str
    #: versions of python3-opencv and python3-numpy that apt has
    opencv: Optional[str]
    numpy: Optional[str]
    #: newest pip that its Python can run; None = no limit known
    newest_pip: Optional[str] = None
    #: what Debian calls it today; None where no source says
    alias: Optional[str] = None


RELEASES: Dict[str, Release] = {
    release.codename: release
    for release in (
        Release(
            "stretch", 9, "3.5.3", "cp35m", "9.0.1", "2.24", "2022-06-30", "2022-07-01", "dphys-swapfile", "/boot",
            None, None, newest_pip="20.3.4",
        ),
        Release(
            "buster", 10, "3.7.3", "cp37m", "18.1", "2.28", "2024-06-30", "2024-07-01", "dphys-swapfile", "/boot",
            "3.2.0+dfsg-6", "1:1.16.2-1", newest_pip="24.0",
        ),
        Release(
            "bullseye", 11, "3.9.2", "cp39", "20.3.4", "2.31", "2026-08", None, "dphys-swapfile", "/boot",
            "4.5.1+dfsg-5", "1:1.19.5-1", newest_pip="26.0.1", alias="oldoldstable",
        ),
        Release(
            "bookworm", 12, "3.11.2", "cp311", "23.0.1", "2.36", "2028-06", None, "dphys-swapfile", "/boot/firmware",
            "4.6.0+dfsg-12", "1:1.24.2-1+deb12u1", alias="oldstable",
        ),
        Release(
            "trixie", 13, "3.13.5", "cp313", "25.1.1", "2.41", "2030-06", None, "rpi-swap", "/boot/firmware",
            "4.10.0+dfsg-5", "1:2.2.4+ds-1", alias="stable",
        ),
    )
}  # fmt: skip

#: The release that a new SD card is written with.
NEWEST = RELEASES["trixie"]

#: Day on which the table was read: no clock that stands before it is believed when an end of support is judged.
AS_OF = "2026-11-22"

#: Archives that left the main raspbian host; they are kept at the legacy one (RetroPie/RetroPie-Setup#4130, #4135).
ARCHIVED = ("wheezy", "jessie", "stretch", "buster")
LEGACY_RASPBIAN = "http://legacy.raspbian.org/raspbian/"

#: Built-in ceiling of dphys-swapfile in MiB, applied to computed and to absolute sizes, when CONF_MAXSWAP is not set.
DPHYS_MAXSWAP_MIB = 2048


def release(codename: str) -> Optional[Release]:
    """Return the release, or None when it is none of Raspberry Pi OS that is known here."""
    return RELEASES.get(codename)


def release_of_glibc(version: Optional[str]) -> Optional[Release]:
    """Return the release that ships exactly this glibc, or None."""
    return next((item for item in RELEASES.values() if item.glibc == version), None)


def ended(item: Release, today: str) -> bool:
    """Tell whether the release's support ended before ``today`` (year-month-day); a month ends with its last day."""
    limit = item.support_ends if len(item.support_ends) == 10 else item.support_ends + "-31"
    return max(today, AS_OF) > limit


#: Packages that go by another name from a release on. On trixie libatlas3-base is empty and holds no libcblas any more;
#: 32-bit ARM renamed what the 64-bit time_t changed. (piwheels.org project pages; Debian's package listings)
RENAMED: Dict[str, Dict[str, str]] = {
    "trixie": {
        "libatlas3-base": "libopenblas0-pthread",
        "libopenblas0": "libopenblas0-pthread",
        "libgtk-3-0": "libgtk-3-0t64",
        "libglib2.0-0": "libglib2.0-0t64",
    }
}


def apt_name(package: str, codename: str) -> str:
    """Return what a package is called on that release."""
    return RENAMED.get(codename, {}).get(package, package)


def bigger_swap(codename: str, mib: int) -> Remedy:
    """Return how swap is enlarged on that release; a drop-in of rpi-swap needs a restart, so that one is only text."""
    item = release(codename)
    if item is not None and item.swap == "rpi-swap":
        dropin = "[Main]\\nMechanism=swapfile\\n\\n[File]\\nFixedSizeMiB=%d\\n" % mib
        folder = "/etc/rpi/swap.conf.d"
        typed = "sudo mkdir -p %s && printf '%s' | sudo tee %s/80-doctor.conf && sudo reboot" % (folder, dropin, folder)
        return Manual(Text("Make swap of %d MiB: %s" % (mib, typed), "把交换空间设为 %d MiB：%s" % (mib, typed)))
    if item is not None:
        conf = "/etc/dphys-swapfile"
        set_both = ["sed", "-i"]
        for name in ("CONF_SWAPSIZE", "CONF_MAXSWAP"):
            # Appended before the old line is deleted: a deleted last line would end the cycle without the append.
            set_both[2:2] = ["-e", "$a%s=%d" % (name, mib)]
            set_both += ["-e", "/^#\\?%s=/d" % name]
        return System(
            Text(
                "Make swap of %d MiB, then look at what `free -m` shows." % mib,
                "把交换空间设为 %d MiB，然后用 `free -m` 查看结果。" % mib,
            ),
            (
                ("dphys-swapfile", "swapoff"),
                tuple(set_both + [conf]),
                ("dphys-swapfile", "setup"),
                ("dphys-swapfile", "swapon"),
            ),
            files=(conf,),
        )
    return System(
        Text("Add a swap file of %d MiB." % mib, "增加 %d MiB 的交换文件。" % mib),
        (
            ("fallocate", "-l", "%dM" % mib, "/swapfile"),
            ("chmod", "600", "/swapfile"),
            ("mkswap", "/swapfile"),
            ("swapon", "/swapfile"),
        ),
    )
