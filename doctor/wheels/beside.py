"""What goes beside torch in a set: the other distributions asked for, and a numpy that suits all of them. Pure."""

import re
from typing import Any, List, Mapping, Optional, Sequence, Tuple

from ..model import Wheel
from ..text import Text
from .answer import Alternative, Choice, Rejected, Said
from .matrix import TRIO, Build, IndexFile, Matrix
from .target import KNOWN, NONE, Target
from .versions import is_prerelease, is_version, key, matches
from .wishes import Wish


class Beside:
    """A set in the making, whatever its torch: what was asked for, and what was said and rejected so far."""

    def __init__(
        self, matrix: Matrix, wishes: Mapping[str, Wish], target: Target, installed: Mapping[str, str]
    ) -> None:
        self.matrix = matrix
        self.wishes = dict(wishes)
        self.target = target
        self.installed = installed
        self.others = tuple(sorted(name for name in wishes if name not in TRIO and name != "numpy"))
        self.rejected: List[Rejected] = []
        self.warnings: List[Said] = []
        self._numpys: Optional[Tuple[IndexFile, ...]] = None

    def _warn(self, en: str, zh: str, **params: Any) -> None:
        said = Said(Text(en, zh), params)
        if said not in self.warnings:
            self.warnings.append(said)

    def _reject(self, build: str, reasons: Sequence[str]) -> None:
        self.rejected.append(Rejected(build, tuple(reasons)))

    def _python_word(self) -> str:
        if self.target.implementation != "cpython":
            return self.target.implementation
        return self.target.python_tag

    # ------------------------------------------------------------ files

    def _listed(self, name: str) -> Tuple[IndexFile, ...]:
        """Return the files of a distribution for this Python and platform, newest first."""
        if self.target.implementation != "cpython":
            return ()
        return self.matrix.files(name, self.target.python_tag, self.target.platform)

    def _numpy_files(self) -> Tuple[IndexFile, ...]:
        """Return the numpy files that fit the target and the wish for numpy, newest first."""
        if self._numpys is None:
            wish = self.wishes.get("numpy")
            specifier = wish.specifier if wish else ""
            files = [file for file in self._listed("numpy") if matches(specifier, file.version)]
            self._numpys = tuple(file for file in files if not self._file_problems(file, wish))
        return self._numpys

    def _numpy_for(self, build: Optional[Build], ranges: Sequence[str] = ()) -> Optional[Wheel]:
        """Return the newest numpy that fits the target, the torch build and the ranges; None when there is none."""
        wanted = [part for part in ranges if part]
        if build is not None:
            limit = self.matrix.numpy_limit("torch", build.version, self.target.system)
            if limit:
                wanted.append(limit)
        kept = self.installed.get("numpy")
        fitting = [f for f in self._numpy_files() if all(matches(part, f.version) for part in wanted)]
        if kept is not None and "numpy" not in self.wishes:
            same = [file for file in fitting if file.version == kept]
            if same or all(matches(part, kept) for part in wanted):
                return same[0].wheel() if same else None
        return fitting[0].wheel() if fitting else None

    def _with_others(
        self,
        wheels: Tuple[Wheel, ...],
        fits: bool,
        rule: Optional[Said],
        alternatives: Sequence[Alternative],
        build: Optional[Build] = None,
    ) -> Choice:
        """Add the other distributions asked for and a numpy that goes with all of them."""
        ranges: List[str] = []
        apt: List[str] = []
        sure = fits
        for twins in self._twins():
            sure = False
            self._warn(
                "{names} fill the same folder: take one of them.",
                "{names} 占用同一个目录：只能选一个。",
                names=", ".join(twins),
            )
        for name in self.others:
            file, known = self._pick(name, build, ranges)
            if file is None:
                return self._finish((), False, self._no_file(name), alternatives)
            sure = sure and known
            if name == "onnxruntime-gpu":
                sure = self._say_onnxruntime(file, build) and sure
            wheels += (file.wheel(),)
            if file.numpy:
                ranges.append(file.numpy)
            apt.extend(package for package in file.row.get("needs_apt") or () if package not in apt)
            self._say_file(file, known)
        numpy = None
        if any(wheel.name in TRIO for wheel in wheels) or ranges or "numpy" in self.wishes or self.others:
            numpy = self._numpy_for(build, ranges)
            if numpy is not None:
                wheels += (numpy,)
            elif "numpy" in self.wishes:
                for file in self._listed("numpy"):
                    self._file_problems(file, self.wishes["numpy"], say=True)
                return self._finish((), False, self._no_file("numpy"), alternatives)
            elif not self.installed.get("numpy"):
                self._warn(
                    "The matrix has no numpy for this Python and platform.", "表里没有适合该 Python 和平台的 numpy。"
                )
        if rule is None:
            rule = Said(
                Text("newest files that fit this Python, platform and libc", "适合该 Python、平台和 libc 的最新文件")
            )
        return self._finish(wheels, sure, rule, alternatives, tuple(apt))

    def _twins(self) -> List[List[str]]:
        """Return the distributions asked for that overwrite each other's files."""
        families = [[n for n in self.others if re.match(stem + r"(-|$)", n)] for stem in ("opencv", "onnxruntime")]
        return [names for names in families if len(names) > 1]

    def _no_file(self, name: str) -> Said:
        wish = self.wishes[name]
        if not self._listed(name):
            self._reject(name, ["python: no %s file for %s" % (self._python_word(), self.target.platform)])
        elif not any(matches(wish.specifier, file.version) for file in self._listed(name)):
            self._reject(name, ["version: none of %s for this Python and platform" % wish.specifier])
        return Said(
            Text(
                "no file of {name} fits Python {python} on {platform}",
                "没有适合 Python {python}、{platform} 的 {name} 文件",
            ),
            {"name": name + wish.specifier, "python": self._python_word(), "platform": self.target.platform},
        )

    def _say_file(self, file: IndexFile, known: bool) -> None:
        if file.source != "package index":
            self._warn("{file} comes from {source}.", "{file} 来自 {source}。", file=file.filename, source=file.source)
        if file.yanked:
            self._warn(
                "{name} {version} is yanked on the package index.",
                "{name} {version} 在包索引上已被撤回。",
                name=file.package,
                version=file.version,
            )
        built = file.row.get("built_with_numpy")
        if built:
            self._warn(
                "{name} {version} was built with numpy {numpy}.",
                "{name} {version} 是用 numpy {numpy} 构建的。",
                name=file.package,
                version=file.version,
                numpy=built,
            )
        if not known:
            self._warn("Which glibc {file} needs is not known.", "{file} 需要的 glibc 版本未知。", file=file.filename)

    def _say_onnxruntime(self, file: IndexFile, build: Optional[Build]) -> bool:
        """Say what onnxruntime-gpu loads; return False when it is known not to run on the GPU here."""
        if self.target.has_gpu is False:
            self._warn(
                "onnxruntime-gpu needs an NVIDIA GPU; there is none. onnxruntime is the CPU build.",
                "onnxruntime-gpu 需要 NVIDIA 显卡，这里没有；CPU 版是 onnxruntime。",
            )
            return False
        made_for = self.matrix.onnxruntime_cuda(file.version)
        if made_for is None:
            return True
        self._warn(
            "onnxruntime-gpu {version} loads CUDA {cuda} and cuDNN {cudnn}, and needs driver {floor} or newer.",
            "onnxruntime-gpu {version} 需要 CUDA {cuda}、cuDNN {cudnn} 以及 {floor} 或更新的驱动。",
            version=file.version,
            cuda=made_for[0],
            cudnn=made_for[1],
            floor=self.matrix.minimum_driver(self.matrix.newest_toolkit(made_for[0]), self.target.driver_system),
        )
        reasons = self._onnxruntime_reasons(file, build)
        if reasons:
            self._warn(
                "{build} does not fit: {reasons}.",
                "{build} 不适合：{reasons}。",
                build="onnxruntime-gpu " + file.version,
                reasons=tuple(reasons),
            )
        return not any(reason.startswith(("driver:", "compute-capability:")) for reason in reasons)

    def _onnxruntime_reasons(self, file: IndexFile, build: Optional[Build]) -> List[str]:
        """Return why the CUDA that a release of onnxruntime-gpu loads does not go with driver, cards and torch."""
        made_for = self.matrix.onnxruntime_cuda(file.version)
        if made_for is None:
            return []
        target, major = self.target, made_for[0]
        toolkit = self.matrix.newest_toolkit(major)
        reasons = []
        floor = self.matrix.minimum_driver(toolkit, target.driver_system)
        driver = target.driver if target.driver_state == KNOWN else None
        if floor and (target.driver_state == NONE or (driver and key(driver) < key(floor))):
            reasons.append("driver: %s < %s" % (driver or "none", floor))
        for card in target.gpus or ():
            if card.cc is not None and not self.matrix.makes_code(toolkit, card.cc):
                reasons.append("compute-capability: CUDA %s makes no code for %s" % (major, card.cc))
        if build is not None and build.cuda is not None and build.cuda.split(".")[0] != major:
            reasons.append("cuda: made for CUDA %s, torch brings %s" % (major, build.cuda))
        return list(dict.fromkeys(reasons))

    def _pick(self, name: str, build: Optional[Build], ranges: Sequence[str]) -> Tuple[Optional[IndexFile], bool]:
        """Return the newest file of a distribution that is known to fit beside the others, and whether it is known."""
        wish = self.wishes[name]
        unknown: Optional[IndexFile] = None
        chosen: Optional[IndexFile] = None
        misfit: Optional[IndexFile] = None
        for file in self._listed(name):
            if not matches(wish.specifier, file.version) or (
                is_prerelease(file.version) and wish.exact != file.version
            ):
                continue
            if chosen is not None:
                break
            if self._file_problems(file, wish, say=True):
                continue
            if not self._numpy_goes(build, list(ranges) + [file.numpy]):
                self._reject("%s %s" % (name, file.version), ["numpy: no numpy fits %s" % (file.numpy or "the set")])
                continue
            if name == "onnxruntime-gpu" and self.target.has_gpu is not False and wish.exact != file.version:
                reasons = self._onnxruntime_reasons(file, build)
                if reasons:
                    if all(reason.startswith("cuda:") for reason in reasons):
                        misfit = misfit or file
                    self._reject("%s %s" % (name, file.version), reasons)
                    continue
            if self.target.accepts_glibc(file.glibc) is None and self.target.system == "linux" and not _pure(file):
                unknown = unknown or file
                self._reject(file.filename, ["glibc: what it needs is not known"])
                continue
            chosen = file
        if chosen is not None:
            return chosen, True
        if misfit is not None:  # driver and card run it, only torch brings another CUDA: said with the file
            return misfit, True
        return unknown, False

    def _numpy_goes(self, build: Optional[Build], ranges: Sequence[str]) -> bool:
        if not any(ranges):
            return True
        if not self._numpy_files():
            return "numpy" not in self.wishes
        return self._numpy_for(build, ranges) is not None or (
            self.installed.get("numpy") is not None and all(matches(r, self.installed["numpy"]) for r in ranges if r)
        )

    def _file_problems(self, file: IndexFile, wish: Optional[Wish], say: bool = False) -> List[str]:
        """Return why a file cannot be installed here."""
        target = self.target
        reasons = []
        if not target.accepts_python(file.python, file.abi):
            reasons.append("python: %s-%s, this is %s" % (file.python, file.abi, self._python_word()))
        elif not any(target.accepts_platform(part) for part in file.platforms):
            if any(part.endswith("_" + target.arch) and part.startswith("manylinux") for part in file.platforms):
                reasons.append("glibc: needs %s, this is %s" % (file.glibc, target.glibc or target.libc))
            else:
                reasons.append("platform: %s, this is %s" % (".".join(file.platforms), target.platform))
        elif target.accepts_glibc(file.glibc) is False and not _pure(file):
            reasons.append("glibc: needs %s, this is %s" % (file.glibc, target.glibc or target.libc))
        elif file.yanked and (wish is None or wish.exact != file.version):
            reasons.append("yanked: taken back by its authors; only ==%s chooses it" % file.version)
        elif file.broken and (wish is None or wish.exact != file.version):
            reasons.append("broken: %s" % file.broken)
        if say and reasons and not reasons[0].startswith(("python:", "platform:")):
            self._reject(file.filename, reasons)
        elif say and reasons and wish is not None and wish.exact:
            self._reject(file.filename, reasons)
        return reasons

    # ------------------------------------------------------------ the end

    def _finish(
        self,
        wheels: Tuple[Wheel, ...],
        fits: bool,
        rule: Said,
        alternatives: Sequence[Alternative] = (),
        apt: Tuple[str, ...] = (),
    ) -> Choice:
        return Choice(
            target=self.target,
            rule=rule,
            wheels=wheels,
            fits=fits and bool(wheels),
            warnings=tuple(self.warnings),
            alternatives=tuple(alternatives),
            rejected=tuple(sorted(self.rejected, key=_place)),
            needs_apt=apt,
            asked=tuple(self.wishes),
        )


def _place(item: Rejected) -> Tuple[Any, ...]:
    """Return what sorts rejected builds: newest release first, then by name; single files after them."""
    words = item.build.split(" ")
    if len(words) > 1 and words[0] == "torch" and is_version(words[1]):
        release = key(words[1])[0]
        return (0,) + (tuple(-part for part in release) + (0,) * (4 - len(release)), item.build)
    return 1, (), ""


def _pure(file: IndexFile) -> bool:
    return file.platforms == ("any",)
