"""The board: recorded trees and texts; values from revision-codes.adoc and the vendor's pages (pi_os facts)."""

import struct

import pytest

from doctor.probes import board

#: in_use_samples of the fact file: code -> name and memory
SAMPLES = {
    "a01041": ("2B", 1024, "BCM2836"),
    "a02042": ("2B", 1024, "BCM2837"),
    "a02082": ("3B", 1024, "BCM2837"),
    "a22082": ("3B", 1024, "BCM2837"),
    "a020d3": ("3B+", 1024, "BCM2837"),
    "9020e0": ("3A+", 512, "BCM2837"),
    "900093": ("Zero", 512, "BCM2835"),
    "9000c1": ("Zero W", 512, "BCM2835"),
    "902120": ("Zero 2 W", 512, "BCM2837"),
    "a03111": ("4B", 1024, "BCM2711"),
    "c03114": ("4B", 4096, "BCM2711"),
    "d03115": ("4B", 8192, "BCM2711"),
    "c03130": ("400", 4096, "BCM2711"),
    "d03140": ("CM4", 8192, "BCM2711"),
    "b04170": ("5", 2048, "BCM2712"),
    "e04171": ("5", 16384, "BCM2712"),
    "e04180": ("CM5", 16384, "BCM2712"),
    "e04190": ("500 / 500+", 16384, "BCM2712"),
    "b041a0": ("CM5 Lite", 2048, "BCM2712"),
}


@pytest.mark.parametrize("code", sorted(SAMPLES))
def test_new_style_codes(code):
    said = board.parse_revision(code)
    assert (said.name, said.memory_mb, said.soc) == SAMPLES[code]
    assert said.decoded["style"] == "new"


def test_every_bit_of_a_new_style_code():
    assert board.parse_revision("c03114").decoded == {
        "style": "new",
        "overvoltage": "allowed",
        "otp_program": "allowed",
        "otp_read": "allowed",
        "warranty": "intact",
        "memory_mb": "4096",
        "manufacturer": "Sony UK",
        "processor": "BCM2711",
        "type": "4B",
        "pcb_revision": "1.4",
    }
    every_flag = 0xC03114 | 1 << 31 | 1 << 30 | 1 << 29 | 1 << 25
    decoded = board.parse_revision("%x" % every_flag).decoded
    assert [decoded[name] for name in ("overvoltage", "otp_program", "otp_read")] == ["disallowed"] * 3
    assert decoded["warranty"] == "voided"
    assert board.parse_revision("a22082").decoded["manufacturer"] == "Embest"


def test_old_style_codes():
    said = board.parse_revision("000e")
    assert (said.name, said.memory_mb, said.soc) == ("B", 512, "BCM2835")
    assert said.decoded["pcb_revision"] == "2.0"
    voided = board.parse_revision("100000e")
    assert voided.name == "B"
    assert voided.decoded["warranty"] == "voided"
    assert board.parse_revision("0015").memory_mb is None
    assert board.parse_revision("0015").decoded["memory_mb"] == "256 or 512"
    assert board.parse_revision("0001").name is None


@pytest.mark.parametrize("text", ["", "0000", "xyz", "-1", "1ffffffff"])
def test_what_is_no_code(text):
    assert board.parse_revision(text) is None


def test_a_type_nobody_assigned_is_said_to_be_unknown():
    said = board.parse_revision("c03074")
    assert said.name is None
    assert said.decoded["type"] == "unknown (0x07)"


@pytest.mark.parametrize(
    "text, bits",
    [("throttled=0x50005\n", 0x50005), ("throttled=0x0", 0), ("50000\n", 0x50000), ("", None), ("error=1 x", None)],
)
def test_throttled(text, bits):
    assert board.parse_throttled(text) == bits


@pytest.mark.parametrize("text, degrees", [("temp=48.3'C\n", 48.3), ("48312\n", 48.312), ("", None), ("temp=?", None)])
def test_temperature(text, degrees):
    assert board.parse_temperature(text) == degrees


@pytest.mark.parametrize(
    "release, machine, bits, page",
    [
        ("5.10.63-v7l+", "armv7l", 32, 4096),
        ("6.1.21-v8+", "aarch64", 64, 4096),
        ("6.1.21-v8+", "armv8l", 64, 4096),
        ("6.6.31+rpt-rpi-v7", "armv7l", 32, 4096),
        ("6.12.25+rpt-rpi-v8", "aarch64", 64, 4096),
        ("6.12.25+rpt-rpi-2712", "aarch64", 64, 16384),
        ("6.1.0-v8-16k", "aarch64", 64, 16384),
        ("5.15.0-1034-raspi", "aarch64", 64, None),
        ("5.10.103+", "armv6l", 32, None),
        ("whatever", "", None, None),
    ],
)
def test_kernels(release, machine, bits, page):
    assert board.kernel_bits(release, machine) == bits
    assert board.page_size_of_release(release) == page


def test_page_size_is_read_from_smaps():
    assert board.parse_page_size("Size:  4 kB\nKernelPageSize:       16 kB\nMMUPageSize: 16 kB\n") == 16384
    assert board.parse_page_size("") is None


def test_elf_width():
    assert board.elf_bits(b"\x7fELF\x01") == 32
    assert board.elf_bits(b"\x7fELF\x02") == 64
    assert board.elf_bits(b"#!/bin") is None


def write(root, path, data):
    place = root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(data if isinstance(data, bytes) else data.encode())


@pytest.fixture
def pi4(tmp_path):
    """A Pi 4B with a 32-bit system, as its files look."""
    write(tmp_path, "proc/device-tree/model", b"Raspberry Pi 4 Model B Rev 1.4\0")
    write(tmp_path, "proc/device-tree/compatible", b"raspberrypi,4-model-b\0brcm,bcm2711\0")
    write(tmp_path, "proc/device-tree/system/linux,revision", struct.pack(">I", 0xC03114))
    write(tmp_path, "proc/sys/kernel/osrelease", "5.10.63-v7l+\n")
    write(tmp_path, "sys/class/thermal/thermal_zone0/temp", "48312\n")
    write(tmp_path, board.THROTTLED_FILE, "50005\n")
    write(tmp_path, "bin/sh", b"\x7fELF\x01\x01\x01")
    return tmp_path


def test_a_recorded_tree(pi4):
    found = board.probe_board(str(pi4))
    assert found.raspberry_pi
    assert found.model == "Raspberry Pi 4 Model B Rev 1.4"
    assert found.compatible == ("raspberrypi,4-model-b", "brcm,bcm2711")
    assert (found.revision, found.name, found.soc, found.memory_mb) == ("c03114", "4B", "BCM2711", 4096)
    assert (found.kernel_bits, found.userland_bits, found.page_size) == (32, 32, 4096)
    assert (found.throttled, found.temperature_c) == (0x50005, 48.312)


def test_the_revision_of_cpuinfo_is_taken_first(pi4):
    write(pi4, "proc/cpuinfo", "processor\t: 0\nHardware\t: BCM2835\nRevision\t: d03114\nModel\t\t: Raspberry Pi 4\n")
    found = board.probe_board(str(pi4))
    assert (found.revision, found.memory_mb, found.soc) == ("d03114", 8192, "BCM2711")


def test_a_container_hides_the_device_tree_but_not_cpuinfo(tmp_path):
    write(tmp_path, "proc/cpuinfo", "Revision\t: a02082\nModel\t\t: Raspberry Pi 3 Model B Rev 1.2\n")
    found = board.probe_board(str(tmp_path))
    assert found.raspberry_pi
    assert (found.name, found.soc) == ("3B", "BCM2837")


def test_an_unknown_revision_leaves_the_soc_of_the_device_tree(pi4):
    write(pi4, "proc/device-tree/system/linux,revision", b"\0\0\0\0")
    found = board.probe_board(str(pi4))
    assert (found.name, found.soc, found.memory_mb) == (None, "BCM2711", None)


def test_another_board_is_no_raspberry_pi(tmp_path):
    write(tmp_path, "proc/device-tree/model", b"NVIDIA Jetson Nano Developer Kit\0")
    write(tmp_path, "proc/device-tree/compatible", b"nvidia,p3450-0000\0nvidia,tegra210\0")
    write(tmp_path, "proc/cpuinfo", "Revision\t: 0000\n")
    found = board.probe_board(str(tmp_path))
    assert found.model.startswith("NVIDIA")
    assert not found.raspberry_pi
    assert found.name is None


def test_a_pc_has_no_board(tmp_path):
    write(tmp_path, "proc/cpuinfo", "model name\t: Intel(R) Core(TM)\n")
    assert board.probe_board(str(tmp_path)) is None
