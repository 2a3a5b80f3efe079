"""The page file of Windows and the swap of macOS, from what those systems print."""

import pytest

from doctor.probes.swap import parse_paging_files, parse_swapusage


@pytest.mark.parametrize(
    "lines, settings",
    [
        (["?:\\pagefile.sys"], {"managed": "system"}),
        (["C:\\pagefile.sys 0 0"], {"managed": "system"}),
        (["C:\\pagefile.sys 400 800"], {"managed": "custom", "initial_mib": "400", "maximum_mib": "800"}),
        (
            ["C:\\pagefile.sys 400 800", "D:\\my swap\\pagefile.sys 1024 2048"],
            {"managed": "custom", "initial_mib": "1424", "maximum_mib": "2848"},
        ),
        (["C:\\pagefile.sys 400 800", "D:\\pagefile.sys 0 0"], {"managed": "system"}),
        ([], {"managed": "off"}),
        ([""], {"managed": "off"}),
    ],
)
def test_who_manages_the_page_file(lines, settings):
    assert parse_paging_files(lines) == settings


@pytest.mark.parametrize(
    "text, numbers",
    [
        ("vm.swapusage: total = 2048.00M  used = 1020.25M  free = 1027.75M  (encrypted)\n", (2147483648, 1069809664)),
        ("vm.swapusage: total = 0.00M  used = 0.00M  free = 0.00M\n", (0, 0)),
        ("nonsense", (0, 0)),
    ],
)
def test_swap_of_macos(text, numbers):
    assert parse_swapusage(text) == numbers
