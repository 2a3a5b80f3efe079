"""apt's sources: one-line and deb822 files, and the Suite that apt stored; texts from pi-gen and the seeds' story."""

from doctor.probes import apt

SEEDS = """\
deb http://mirrors.tuna.tsinghua.edu.cn/raspbian/raspbian/ buster main non-free contrib rpi

deb-src http://mirrors.tuna.tsinghua.edu.cn/raspbian/raspbian/ buster main non-free contrib rpi
# deb http://example.org/old buster main
"""
BOOKWORM = "deb [ arch=armhf signed-by=/usr/share/k.gpg ] http://raspbian.raspberrypi.com/raspbian/ bookworm main rpi\n"
DEB822 = """\
# Raspberry Pi
Types: deb
URIs: http://archive.raspberrypi.com/debian/
Suites: trixie
Components: main
Signed-By: /usr/share/keyrings/raspberrypi-archive-keyring.gpg

Types: deb deb-src
URIs: http://user:secret@mirror.example.org/debian
Suites: trixie trixie-updates
Components: main contrib
 non-free

Types: deb
URIs: http://example.org/off
Suites: trixie
Components: main
Enabled: no
"""


def test_one_line_sources():
    (found,) = apt.parse_one_line(SEEDS, "/etc/apt/sources.list")
    assert found.uri == "http://mirrors.tuna.tsinghua.edu.cn/raspbian/raspbian/"
    assert (found.suite, found.components) == ("buster", ("main", "non-free", "contrib", "rpi"))
    assert found.source == "/etc/apt/sources.list:1"


def test_options_in_brackets():
    (found,) = apt.parse_one_line(BOOKWORM, "x")
    assert (found.uri, found.suite) == ("http://raspbian.raspberrypi.com/raspbian/", "bookworm")


def test_deb822():
    found = apt.parse_deb822(DEB822, "/etc/apt/sources.list.d/raspi.sources")
    assert [(item.uri, item.suite) for item in found] == [
        ("http://archive.raspberrypi.com/debian/", "trixie"),
        ("http://mirror.example.org/debian", "trixie"),
        ("http://mirror.example.org/debian", "trixie-updates"),
    ]
    assert found[1].components == ("main", "contrib", "non-free")
    assert found[0].source.endswith("raspi.sources:2")


def test_a_system_with_both_forms_and_a_stored_suite(tmp_path):
    etc = tmp_path / "etc/apt/sources.list.d"
    etc.mkdir(parents=True)
    (tmp_path / "etc/apt/sources.list").write_text("deb http://archive.example.org/debian/ buster main\n")
    (etc / "raspi.sources").write_text(DEB822)
    (etc / "ignored.save").write_text("deb http://nowhere.example.org x main\n")
    lists = tmp_path / "var/lib/apt/lists"
    lists.mkdir(parents=True)
    name = "archive.example.org_debian_dists_buster_InRelease"
    (lists / name).write_text("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: X\nSuite: stable\nSHA256:\n")
    found = apt.probe_apt(str(tmp_path))
    assert [source.recorded_suite for source in found.sources] == ["stable", None, None, None]
    assert found.sources[0].source == "/etc/apt/sources.list:1"


def test_a_system_without_apt(tmp_path):
    assert apt.probe_apt(str(tmp_path)) is None


def test_odd_lines_are_passed_over():
    text = "deb\ndeb http://x.example.org\n[arch=arm] x\n\x00\x00\ndeb cdrom:[Debian]/ buster main\n"
    assert [item.suite for item in apt.parse_one_line(text, "x")] == ["buster"]
    assert apt.parse_deb822("no colon here\n Types: deb\n\nURIs: http://x\n", "x") == ()
