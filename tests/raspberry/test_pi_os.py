"""What is done on each release: names of packages, swap, ends of support (pi_os facts)."""

import subprocess

import pytest

from doctor import pi_os
from doctor.checks.host._libraries import system_remedy
from doctor.facts import Host
from doctor.model import Manual, System


@pytest.mark.parametrize(
    "codename, package",
    [("buster", "libatlas3-base"), ("bookworm", "libatlas3-base"), ("trixie", "libopenblas0-pthread")],
)
def test_the_blas_of_each_release(codename, package):
    host = Host(system="linux", machine="armv7l", distro="raspbian", codename=codename)
    remedy = system_remedy(["libcblas.so.3", "libf77blas.so.3"], host)
    assert remedy.commands[-1] == ("apt-get", "install", "-y", package)


def test_the_table_agrees_with_the_matrix(matrix):
    rows = {row["codename"]: row for row in matrix.table("pi_os.releases")}
    assert sorted(rows) == sorted(pi_os.RELEASES)
    for codename, release in pi_os.RELEASES.items():
        row = rows[codename]
        assert (release.python, release.abi, release.pip) == (row["python"], row["abi_tag"], row["pip"])
        assert (release.glibc, release.debian) == (row["glibc"], row["debian"])
        assert release.swap == row["swap"]["mechanism"]
        assert row["debian_lts_end"].startswith(release.support_ends)
        assert release.piwheels_stopped == row["piwheels"].get("stopped")
        assert release.newest_pip == row.get("newest_pip_for_this_python")
        assert release.opencv == row["apt_python"]["python3-opencv"]
        assert release.numpy == row["apt_python"]["python3-numpy"]
        assert row.get("boot_dir", "/boot") == release.boot


@pytest.mark.parametrize("last", ["#CONF_MAXSWAP=2048", "CONF_SWAPSIZE=100", "# the end"])
def test_both_swap_settings_are_set_once_wherever_they_stood(tmp_path, last):
    remedy = pi_os.bigger_swap("buster", 4096)
    assert isinstance(remedy, System)
    (edit,) = [command for command in remedy.commands if command[0] == "sed"]
    conf = tmp_path / "dphys-swapfile"
    conf.write_text("CONF_SWAPSIZE=100\n#CONF_SWAPFILE=/var/swap\nCONF_MAXSWAP=512\n%s\n" % last)
    subprocess.run(list(edit[:-1]) + [str(conf)], check=True)
    lines = conf.read_text().splitlines()
    assert sorted(line for line in lines if "SWAPSIZE" in line or "MAXSWAP" in line) == [
        "CONF_MAXSWAP=4096",
        "CONF_SWAPSIZE=4096",
    ]
    assert remedy.files == ("/etc/dphys-swapfile",)
    assert ("dphys-swapfile", "setup") in remedy.commands


def test_trixie_has_another_mechanism():
    remedy = pi_os.bigger_swap("trixie", 2048)
    assert isinstance(remedy, Manual)
    typed = remedy.text.render("en", {})
    assert "/etc/rpi/swap.conf.d/80-doctor.conf" in typed and "FixedSizeMiB=2048" in typed
    assert "dphys" not in typed


def test_an_end_of_support_given_as_a_month_ends_with_the_month():
    bookworm = pi_os.RELEASES["bookworm"]
    assert not pi_os.ended(bookworm, "2028-06-30")
    assert pi_os.ended(bookworm, "2028-07-01")
