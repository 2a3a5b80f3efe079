"""What is asked for: requirements as a user writes them, read for a target. Pure."""

import re
from typing import Dict, List, NamedTuple, Optional, Sequence

from ..facts import Host, Python
from ..model import DoctorError
from ..patterns import lazy
from ..text import Text
from .matrix import TRIO, Matrix
from .target import Target
from .versions import matches


class Wish(NamedTuple):
    """One distribution that is asked for."""

    #: normalised name
    name: str
    #: PEP 440 range without local part; empty = any
    specifier: str = ""
    #: cu121, cpu …: a build that is ordered by name
    variant: Optional[str] = None

    @property
    def exact(self) -> Optional[str]:
        """The one version that ``==`` names, or None."""
        match = re.search(r"(?:^|,)={2,3}\s*([^,*]+)(?:,|$)", self.specifier)
        return match.group(1).strip() if match else None


_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_REQUIREMENT = lazy(r"\s*(%s)\s*(?:\[[^\]]*\])?\s*\(?\s*((?:[<>=!~]=?=?[^()]*)?)\)?\s*$" % _NAME)
_OTHER_NAMES = {"pytorch": "torch", "cv2": "opencv-python", "opencv": "opencv-python", "tflite": "tflite-runtime"}
#: pure Python, but with compiled requirements: those are what has to fit
_COMPILED = {"ultralytics": "torch torchvision opencv-python"}


def read_wishes(matrix: Matrix, requirements: Sequence[str]) -> Dict[str, Wish]:
    """Return the wishes by name; raises DoctorError (2) for a bad requirement or a package the matrix does not know."""
    wishes: Dict[str, Wish] = {}
    for text in requirements:
        wish = read_wish(matrix, text)
        known = wishes.get(wish.name)
        if known is not None:
            joined = ",".join(part for part in (known.specifier, wish.specifier) if part)
            wish = Wish(wish.name, joined, wish.variant or known.variant)
        wishes[wish.name] = wish
    if not wishes:
        raise DoctorError(
            Text("No package is named.", "没有写出包名。"),
            Text("For example: doctor wheels torch torchvision", "例如：doctor wheels torch torchvision"),
            exit=2,
        )
    return wishes


def read_wish(matrix: Matrix, text: str) -> Wish:
    match = _REQUIREMENT.match(text)
    if match is None:
        raise _bad_requirement(text)
    name = re.sub(r"[-_.]+", "-", match.group(1)).lower()
    if not matrix.knows(name):
        raise _unknown_package(matrix, name)
    specifier = re.sub(r"\s+", "", match.group(2))
    variant = None
    ordered = re.match(r"(={2,3})([^+,]+)\+([A-Za-z0-9.]+)$", specifier)
    if ordered and name in TRIO:
        specifier, variant = ordered.group(1) + ordered.group(2), ordered.group(3).lower()
    try:
        matches(specifier, "1.0")
    except ValueError:
        raise _bad_requirement(text)
    return Wish(name, specifier, variant)


def applying(requirements: Sequence[str], target: Target) -> List[str]:
    """Return the requirements whose environment marker holds for the target, without the marker.

    Raises DoctorError (2) for a marker that cannot be read, and when none is left.
    """
    kept = []
    for text in requirements:
        requirement, semicolon, marker = text.partition(";")
        if not semicolon or _marker_holds(text, marker, target):
            kept.append(requirement)
    if requirements and not kept:
        raise DoctorError(
            Text(
                "No package is left: the markers rule out Python {python} on {platform}.",
                "没有剩下任何包：环境标记排除了 {platform} 上的 Python {python}。",
            ),
            exit=2,
            python=target.python,
            platform=target.platform,
        )
    return kept


def _marker_holds(text: str, marker: str, target: Target) -> bool:
    from packaging.markers import InvalidMarker, Marker

    from ..demands import applies, environment

    try:
        Marker(marker)
    except InvalidMarker:
        raise _bad_requirement(text)
    python = Python("", target.python, implementation=target.implementation, platform=target.platform)
    return applies(marker, environment(python, Host(target.system, target.arch)))


def _bad_requirement(text: str) -> DoctorError:
    return DoctorError(
        Text("'{text}' is no requirement.", "“{text}”不是有效的需求写法。"),
        Text('It looks like torch, torch==2.1.0 or "torch>=2.3".', '形如 torch、torch==2.1.0 或 "torch>=2.3"。'),
        exit=2,
        text=text,
    )


def _unknown_package(matrix: Matrix, name: str) -> DoctorError:
    import difflib

    if name in _COMPILED:
        return DoctorError(
            Text("{name} itself is pure Python and fits everywhere.", "{name} 本身是纯 Python，哪里都能装。"),
            Text("Ask for the compiled packages that it needs: {needs}", "请改查它依赖的编译包：{needs}"),
            exit=2,
            name=name,
            needs=_COMPILED[name],
        )
    near = [_OTHER_NAMES[name]] if name in _OTHER_NAMES else difflib.get_close_matches(name, matrix.packages, 2, 0.6)
    return DoctorError(
        Text("The matrix does not know '{name}'.", "wheel 表里没有“{name}”。"),
        Text("Did you mean {near}?", "是否想写 {near}？") if near else Text("It knows: {known}.", "表里有：{known}。"),
        exit=2,
        name=name,
        near=", ".join(near),
        known=", ".join(matrix.packages),
    )
