"""Credentials never become facts."""

import pytest

from doctor.secrets import without_credentials
from doctor.urls import host_of, scheme_of


@pytest.mark.parametrize(
    "given, wanted",
    [
        ("https://user:pass@pkg.example.org/simple", "https://pkg.example.org/simple"),
        ("https://__token__:abc@pkg.example.org:8443/simple/", "https://pkg.example.org:8443/simple/"),
        ("http://onlytoken@pkg.example.org/simple", "http://pkg.example.org/simple"),
        ("http://user:p@ss@pkg.example.org/simple", "http://pkg.example.org/simple"),
        ("http://user:pa/ss@pkg.example.org/simple", "http://pkg.example.org/simple"),
        ("http://user:@pkg.example.org/", "http://pkg.example.org/"),
        ("socks5h://u:p@127.0.0.1:1080", "socks5h://127.0.0.1:1080"),
        ("user:pass@proxy.example.org:3128", "proxy.example.org:3128"),
        ("https://pkg.example.org/f?token=abc&x=1", "https://pkg.example.org/f?token=***&x=1"),
        ("https://pkg.example.org/f?x=1&X-Amz-Signature=abc#y", "https://pkg.example.org/f?x=1&X-Amz-Signature=***#y"),
        ("https://dl.example.org/a1B2c3D4e5F6a1B2c3D4/org/simple/", "https://dl.example.org/***/org/simple/"),
        ("http://a:b@x.example.org/1 https://c:d@y.example.org/2", "http://x.example.org/1 https://y.example.org/2"),
        (
            "Cannot connect to http://a:b@x.example.org:80: refused",
            "Cannot connect to http://x.example.org:80: refused",
        ),
    ],
)
def test_what_is_removed(given, wanted):
    assert without_credentials(given) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "https://www.piwheels.org/simple",
        "http://[::1]:8080/simple",
        "http://pkg.example.org:8080/team/dev/+simple/",
        "git+https://github.com/ultralytics/yolov5@v7.0#egg=yolov5",
        "file:///opt/wheels",
        "/home/u/.config/pip/pip.conf",
        "/opt/a@b:/opt/c",
        "C:\\Users\\u\\x:y@z",
        "https://download.pytorch.org/whl/cu121/torch-2.1.0%2Bcu121-cp310-cp310-linux_x86_64.whl",
        "localhost,127.0.0.1,.example.org",
        "numpy>=1.21,<2; python_version < '3.10'",
        "train.py:3: import torch",
        "",
    ],
)
def test_what_is_left_alone(text):
    assert without_credentials(text) == text


@pytest.mark.parametrize(
    "address, scheme, host",
    [
        ("https://Pkg.Example.org:8443/simple", "https", "pkg.example.org"),
        ("http://user:p@pkg.example.org", "http", "pkg.example.org"),
        ("pkg.example.org:8080", "", "pkg.example.org"),
        ("pkg.example.org", "", "pkg.example.org"),
        ("socks5h://[::1]:1080", "socks5h", "::1"),
        ("http://[", "http", ""),
        ("http://", "http", ""),
        ("", "", ""),
        ("/opt/wheels", "", ""),
    ],
)
def test_parts_of_an_address(address, scheme, host):
    assert (scheme_of(address), host_of(address)) == (scheme, host)
