"""Swap and its mechanism, from recorded files; defaults from pi-gen and the printed swap.conf (pi_os facts)."""

import pytest

from doctor.facts import Unknown
from doctor.probes import swap

MIB = 1 << 20
SWAPS = "Filename\t\t\t\tType\t\tSize\tUsed\tPriority\n"
DPHYS = """\
# where we want the swapfile to be, this is the default
#CONF_SWAPFILE=/var/swap

CONF_SWAPSIZE=100

# restrict size (computed and absolute!) to maximally this limit
#CONF_MAXSWAP=2048
"""
RPI_SWAP = "[Main]\nMechanism=auto\n\n[File]\nPath=/var/swap\nRamMultiplier=1\nMaxSizeMiB=2048\n;FixedSizeMiB=\n"


def make(root, **files):
    names = {
        "meminfo": "proc/meminfo",
        "swaps": "proc/swaps",
        "dphys": "etc/dphys-swapfile",
        "rpi": "etc/rpi/swap.conf",
        "dropin": "etc/rpi/swap.conf.d/80-doctor.conf",
    }
    for key, text in files.items():
        place = root / names[key]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return swap.probe_swap(str(root))


def meminfo(total_kib, free_kib=None):
    return "MemTotal:  3930360 kB\nSwapTotal: %d kB\nSwapFree: %d kB\n" % (total_kib, free_kib or total_kib)


def test_dphys_swapfile(tmp_path):
    found = make(
        tmp_path,
        meminfo=meminfo(102396, 100000),
        swaps=SWAPS + "/var/swap                               file\t\t102396\t2396\t-2\n",
        dphys=DPHYS,
    )
    assert found.provider == "dphys-swapfile"
    assert found.settings == {"CONF_SWAPSIZE": "100"}
    assert (found.total_bytes, found.used_bytes) == (102396 * 1024, 2396 * 1024)
    assert [(d.path, d.kind, d.size_bytes) for d in found.devices] == [("/var/swap", "file", 102396 * 1024)]


def test_both_settings_are_read_and_the_last_assignment_wins(tmp_path):
    found = make(tmp_path, meminfo=meminfo(0), dphys=DPHYS + 'CONF_SWAPSIZE="4096"  # more\nCONF_MAXSWAP=4096\n')
    assert found.settings == {"CONF_SWAPSIZE": "4096", "CONF_MAXSWAP": "4096"}
    assert found.provider == "dphys-swapfile"


def test_rpi_swap_with_a_dropin(tmp_path):
    found = make(
        tmp_path,
        meminfo=meminfo(2097136),
        swaps=SWAPS + "/dev/zram0                              partition\t2097136\t0\t100\n",
        rpi=RPI_SWAP,
        dropin="[Main]\nMechanism=swapfile\n[File]\nFixedSizeMiB=2048\n",
    )
    assert found.provider == "rpi-swap"
    assert found.devices[0].kind == "zram"
    assert found.settings["Main.Mechanism"] == "swapfile"
    assert found.settings["File.FixedSizeMiB"] == "2048"
    assert found.settings["File.MaxSizeMiB"] == "2048"


def test_a_guide_for_buster_followed_on_trixie_shows_both(tmp_path):
    found = make(tmp_path, meminfo=meminfo(2097136), rpi=RPI_SWAP, dphys="CONF_SWAPSIZE=4096\n")
    assert found.provider == "rpi-swap"
    assert found.settings["CONF_SWAPSIZE"] == "4096"


@pytest.mark.parametrize(
    "line, provider",
    [
        ("/dev/sda2 partition 976896 0 -2\n", "partition"),
        ("/swapfile file 976896 0 -2\n", "file"),
        ("/dev/zram0 partition 976896 0 100\n", "zram"),
        ("", "none"),
    ],
)
def test_other_mechanisms(tmp_path, line, provider):
    found = make(tmp_path, meminfo=meminfo(976896 if line else 0), swaps=SWAPS + line)
    assert found.provider == provider
    assert found.settings == {}


def test_a_path_with_a_space_and_garbage(tmp_path):
    found = make(tmp_path, swaps=SWAPS + "/mnt/my\\040swap file 1024 0 -2\n\nnonsense\n/a b c d e f\n")
    assert [device.path for device in found.devices] == ["/mnt/my swap"]
    assert found.total_bytes == MIB


def test_without_proc_nothing_is_known(tmp_path):
    assert isinstance(swap.probe_swap(str(tmp_path)), Unknown)
