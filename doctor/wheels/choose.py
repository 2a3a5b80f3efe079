"""Which wheels fit a target: every candidate is judged, and each one that loses says why. Pure."""

import re
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from ..model import Wheel
from ..record import replace
from ..text import Text
from .answer import Alternative, Choice, Said
from .beside import Beside
from .matrix import PARTNERS, TRIO, Build, Matrix
from .tags import capability
from .target import KNOWN, NONE, UNKNOWN, Card, Target
from .versions import key, matches
from .wishes import Wish, applying, read_wishes

#: What became of a build: it fits; nobody can tell; it does not fit.
FITS, UNCONFIRMED, FAILS = "fits", "unconfirmed", "fails"

#: a build with the torchvision and the torchaudio that go with it
Candidate = Tuple[Build, Optional[str], Optional[str]]


class Verdict(NamedTuple):
    """What one build is worth on one target."""

    build: Build
    torchvision: Optional[str]
    torchaudio: Optional[str]
    status: str
    #: direct, minor (minor-version compatibility), or empty for builds without CUDA
    how: str
    reasons: Tuple[str, ...] = ()


# ---------------------------------------------------------------- choosing


def choose(
    matrix: Matrix, wishes: Sequence[str], target: Target, installed: Optional[Mapping[str, str]] = None
) -> Choice:
    """Return the one consistent set of wheels for the wishes, why it won, and why every other build lost.

    ``installed``: name -> version of what stays beside the set; a numpy among it is kept when it fits. Raises
    DoctorError (2) for a bad requirement or a package that the matrix does not know.
    """
    wishes = applying(wishes, target)
    read = read_wishes(matrix, wishes)
    if target.arm_board:
        # piwheels, community builds and processors that die of newer instructions have rules of their own; on 64 bits
        # an ordered +cpu or +cuNNN is a file of download.pytorch.org like everywhere else
        if target.arch != "aarch64" or not any(wish.variant for wish in read.values()):
            from .pi.told import choose_on_arm

            return choose_on_arm(matrix, wishes, target, installed=installed)
    return _Chooser(matrix, read, target, installed or {}).choice()


class _Chooser(Beside):
    """Chooses the torch, its partners, and with them the rest of the set."""

    def __init__(
        self, matrix: Matrix, wishes: Mapping[str, Wish], target: Target, installed: Mapping[str, str]
    ) -> None:
        super().__init__(matrix, wishes, target, installed)
        self.trio = tuple(name for name in TRIO if name in wishes)
        if self.trio and "torch" not in self.trio:
            self.trio = ("torch",) + self.trio
        self._possible: Optional[List[Candidate]] = None

    # ------------------------------------------------------------ the whole

    def choice(self) -> Choice:
        self._say_limits()
        if not self.trio:
            return self._with_others((), True, None, ())
        if not self._official():
            self._reject("torch", ["platform: no file of PyTorch for %s" % self.target.platform])
            return self._none((), [])
        order = next(
            (self.wishes[name].variant for name in self.trio if name in self.wishes and self.wishes[name].variant), None
        )
        possible = self._candidates()
        if order is not None:
            return self._ordered(order, possible)
        with_cuda = any(build.cuda for build, _, _ in possible)
        if not with_cuda or self.target.has_gpu is False:
            return self._cpu(possible)
        unknown = self.target.gpus is None or self.target.driver_state == UNKNOWN or self._unknown_cards()
        if unknown and not self.target.tegra:
            return self._cannot_tell(possible)
        return self._cuda(possible)

    def _official(self) -> bool:
        """Whether PyTorch itself has files for this platform in any release."""
        platform = self.target.platform
        return any(self.matrix.pythons(version, platform) for version in self.matrix.torch_releases)

    def _unknown_cards(self) -> Tuple[Card, ...]:
        return tuple(card for card in self.target.gpus or () if card.cc is None)

    def _say_limits(self) -> None:
        target = self.target
        if target.system == "linux" and target.libc != "musl":
            if target.elsewhere and target.glibc is None:
                self._warn(
                    "No glibc limit was given: files for any glibc are considered (--glibc 2.31 sets one).",
                    "没有给出 glibc 版本：不按 glibc 排除文件（可用 --glibc 2.31 指定）。",
                )
            elif target.glibc is None:
                self._warn("The glibc of this machine is not known.", "本机的 glibc 版本未知。")

    # ------------------------------------------------------------ candidates

    def _candidates(self) -> List[Candidate]:
        """Return every build that has files for this Python and platform and goes with the versions asked for."""
        if self._possible is None:
            self._possible = list(self._possible_builds())
        return self._possible

    def _possible_builds(self) -> Iterator[Candidate]:
        matrix, target = self.matrix, self.target
        wish = self.wishes.get("torch")
        for version in matrix.torch_releases:
            if wish is not None and not matches(wish.specifier, version):
                self._reject("torch " + version, ["version: not %s" % wish.specifier])
                continue
            reasons = []
            pair: List[Optional[str]] = []
            builds = matrix.builds(version, target.platform)
            if target.libc == "musl":
                reasons.append("libc: made for glibc, this is musl")
            elif not builds:
                reasons.append("platform: no build for %s" % target.platform)
            elif target.implementation != "cpython" or target.python_tag not in matrix.pythons(
                version, target.platform
            ):
                reasons.append("python: no %s file for %s" % (self._python_word(), target.platform))
            else:
                for name in PARTNERS:
                    partner, why = self._partner(version, name)
                    pair.append(partner)
                    if why:
                        reasons.append(why)
                reasons.extend(self._numpy_reasons(version))
            if reasons:
                self._reject("torch " + version, reasons)
                continue
            for build in builds:
                why_not = self._file_reasons(build, pair)
                if why_not:
                    self._reject(build.name, why_not)
                else:
                    yield build, pair[0], pair[1]

    def _partner(self, torch: str, name: str) -> Tuple[Optional[str], str]:
        """Return the partner's version that goes with a torch release, or why there is none."""
        if name not in self.trio:
            return None, ""
        partners = self.matrix.partners(torch)
        listed = getattr(partners, name) if partners is not None else ()
        wish = self.wishes.get(name)
        specifier = wish.specifier if wish is not None else ""
        exact = wish.exact if wish is not None else None
        if exact and exact not in listed and self.matrix.goes_with(torch, name, exact) is True:
            listed = listed + (exact,)
        if not listed:
            return None, "%s: no release goes with torch %s" % (name, torch)
        fitting = [version for version in listed if matches(specifier, version)]
        if not fitting:
            return None, "%s: %s goes with torch %s, not %s" % (name, "/".join(listed), torch, specifier)
        present = [version for version in fitting if self._partner_file(name, version)]
        if not present:
            return None, "%s: %s has no %s file for %s" % (name, fitting[-1], self._python_word(), self.target.platform)
        return present[-1], ""

    def _partner_file(self, name: str, version: str) -> bool:
        return self.matrix.file(name, version, "cpu", self.target.platform, self.target.python_tag) is not None

    def _fits_tag(self, file: Wheel) -> bool:
        tag = file.filename[:-4].rsplit("-", 1)[1]
        return any(self.target.accepts_platform(part) for part in tag.split("."))

    def _file_reasons(self, build: Build, pair: Sequence[Optional[str]]) -> List[str]:
        """Return why the files of a build cannot be installed here: libc, macOS, CPU."""
        reasons = []
        target, matrix = self.target, self.matrix
        for name, version in (("torch", build.version),) + tuple(zip(PARTNERS, pair)):
            if version is None:
                continue
            if name != "torch" and matrix.torch_for(name, version)[:1] != (build.version,):
                if not matrix.has_variant(name, version, build.variant, target.platform):
                    reasons.append("%s: %s has no +%s" % (name, version, build.variant))
                    break
            floor = matrix.glibc_floor(name, version, build.variant, target.platform)
            if target.accepts_glibc(floor) is False:
                reasons.append("glibc: %s needs %s, this is %s" % (name, floor, target.glibc))
                break
            if target.system == "macos":
                file = matrix.file(name, version, "cpu", target.platform, target.python_tag)
                if file is not None and not self._fits_tag(file):
                    reasons.append("macos: %s, this is %s" % (file.filename[:-4].rsplit("-", 1)[1], target.macos))
        illegal = self._illegal(build)
        if illegal:
            reasons.append(illegal)
        return reasons

    def _illegal(self, build: Build) -> str:
        """Return why a release dies with SIGILL on this CPU, or an empty string."""
        target = self.target
        if target.arch != "aarch64" or target.cpu_flags is None or "atomics" in target.cpu_flags:
            return ""
        for row in self.matrix.table("pi_wheels.torch.illegal_instruction_aarch64") or ():
            if row["version"] == build.version and "KumaTea" not in str(row["where"]):
                return "cpu: illegal instruction on cores without LSE atomics (%s)" % row["ref"]
        return ""

    def _numpy_reasons(self, torch: str) -> List[str]:
        wish = self.wishes.get("numpy")
        if wish is None or not wish.specifier:
            return []
        limit = self.matrix.numpy_limit("torch", torch, self.target.system)
        if limit is None or any(matches(limit, file.version) for file in self._numpy_files()):
            return []
        return ["numpy: torch %s needs numpy%s, asked for numpy%s" % (torch, limit, wish.specifier)]

    # ------------------------------------------------------------ judging CUDA builds

    def _judge(self, candidate: Candidate, driver: Optional[str], cards: Sequence[Card]) -> Verdict:
        """Return what a build is worth with this driver (None = any) and these cards."""
        build, vision, audio = candidate
        if build.cuda is None:
            kind = re.sub(r"[\d.]+$", "", build.variant)
            reason = {"cpu": "cpu: would leave the GPU unused", "rocm": "rocm: for AMD cards"}.get(
                kind, "%s: not for NVIDIA cards" % kind
            )
            return Verdict(build, vision, audio, FAILS, "", (reason,))
        if self.target.tegra:
            reason = "board: made for servers, not for a Jetson before JetPack 7"
            return Verdict(build, vision, audio, FAILS, "", (reason,))
        reasons: List[str] = []
        status, how = FITS, "direct"
        if driver is not None:
            ran = self.matrix.runs(driver, build.cuda, self.target.driver_system)
            if ran is None:
                floor = self.matrix.minimum_driver(build.cuda, self.target.driver_system)
                reasons.append("driver: %s < %s" % (driver if driver != "0" else "none", floor))
                status = FAILS
            how = ran or ""
        for card in cards:
            if card.cc is None:
                status = UNCONFIRMED if status == FITS else status
                reasons.append("compute-capability: of %s not known" % card.name)
                continue
            served = self.matrix.serves(build, card.cc, direct=how == "direct")
            if served.answer is False:
                reasons.append(served.reason)
                status = FAILS
            elif served.answer is None:
                reasons.append(served.reason)
                status = UNCONFIRMED if status == FITS else status
        if not build.confirmed:
            reasons.append("published: planned, not confirmed")
            status = UNCONFIRMED if status == FITS else status
        return Verdict(build, vision, audio, status, how, tuple(dict.fromkeys(reasons)))

    def _best(
        self,
        possible: Sequence[Candidate],
        driver: Optional[str],
        cards: Sequence[Card],
    ) -> Optional[Verdict]:
        """Return the best build known to fit: newest torch, direct before minor-version compatibility, highest CUDA."""
        best: Optional[Verdict] = None
        for candidate in possible:
            if best is not None and candidate[0].version != best.build.version:
                break  # newest first: the next release cannot win
            if candidate[0].cuda is None:
                continue
            verdict = self._judge(candidate, driver, cards)
            if verdict.status == FITS and (best is None or _rank(verdict) > _rank(best)):
                best = verdict
        return best

    # ------------------------------------------------------------ the four cases

    def _cpu(self, possible: Sequence[Candidate]) -> Choice:
        cpu = [candidate for candidate in possible if candidate[0].variant == "cpu"]
        for build, _, _ in possible:
            if build.variant == "cpu" and cpu and build == cpu[0][0]:
                continue
            if build.variant != "cpu":
                self._reject(
                    build.name, ["gpu: no NVIDIA GPU"] if build.cuda else ["%s: not asked for" % build.variant]
                )
            else:
                self._reject(build.name, ["order: older than %s" % cpu[0][0].version])
        if not cpu:
            return self._none(possible, [])
        build, vision, audio = cpu[0]
        rule = Text(
            "newest torch with a build for this Python and platform; no NVIDIA GPU, so the CPU build",
            "适合该 Python 和平台的最新 torch；没有 NVIDIA 显卡，所以选 CPU 版",
        )
        if self.target.system == "macos":
            rule = Text(
                "newest torch with a build for this Python and macOS; there is one build for all Macs of this kind",
                "适合该 Python 和 macOS 的最新 torch；同类 Mac 只有一种构建",
            )
        elif self.target.has_gpu is not False:
            rule = Text(
                "newest torch with a build for this Python and platform; there is no CUDA build for them",
                "适合该 Python 和平台的最新 torch；该 Python 和平台没有 CUDA 版",
            )
            if self.target.gpus:
                self._warn("The CPU build leaves the GPU unused.", "CPU 版不会使用显卡。")
        self._say_newer(build.version)
        return self._with_others(self._files(build, vision, audio), True, Said(rule), (), build)

    def _cuda(self, possible: Sequence[Candidate]) -> Choice:
        cards = self.target.gpus or ()
        driver = (self.target.driver if self.target.driver_state == KNOWN else None) or "0"
        verdicts = [self._judge(candidate, driver, cards) for candidate in possible]
        fitting = [verdict for verdict in verdicts if verdict.status == FITS]
        best = max(fitting, key=_rank) if fitting else None
        sure = best is not None
        unconfirmed = [verdict for verdict in verdicts if verdict.status == UNCONFIRMED]
        if best is None and unconfirmed and len({card.cc for card in cards}) == 1:
            best = max(unconfirmed, key=_rank)
        for verdict in verdicts:
            if best is not None and verdict.build == best.build:
                continue
            self._reject(verdict.build.name, verdict.reasons or _outranked(verdict, best))
        alternatives = self._other_drivers(possible, cards, best, driver) if cards else []
        if best is None:
            if unconfirmed:
                self._warn(
                    "Not confirmed: {builds}.",
                    "未确认：{builds}。",
                    builds=", ".join(verdict.build.name for verdict in unconfirmed[:4]),
                )
            return self._none(possible, self._each_card(possible, driver) + alternatives)
        self._say_cards(cards, driver)
        newer = [verdict for verdict in verdicts if verdict.status == UNCONFIRMED and _newer(verdict, best)]
        if sure and newer:
            self._warn(
                "Newer, not confirmed: {builds}.",
                "更新但未确认：{builds}。",
                builds=", ".join(verdict.build.name for verdict in newer[:4]),
            )
        if not sure:
            self._warn(
                "Not confirmed: {reasons}. Nothing known fits better.",
                "未确认：{reasons}。没有已知更合适的构建。",
                reasons=tuple(best.reasons),
            )
        rule = self._rule(best, sure)
        self._say_newer(best.build.version)
        wheels = self._files(best.build, best.torchvision, best.torchaudio)
        return self._with_others(wheels, sure, rule, alternatives, best.build)

    def _rule(self, best: Verdict, sure: bool) -> Said:
        params = {
            "torch": best.build.version,
            "cuda": best.build.cuda,
            "driver": self.target.driver or "",
            "floor": self.matrix.minimum_driver(best.build.cuda or "", self.target.driver_system) or "",
        }
        if not sure:
            return Said(
                Text(
                    "torch {torch} with CUDA {cuda} is the newest that may fit; that it does is not known",
                    "torch {torch}（CUDA {cuda}）是可能适合的最新版本，但未确认",
                ),
                params,
            )
        if best.how == "minor":
            return Said(
                Text(
                    "newest torch with a build known to fit: {torch}, CUDA {cuda} by minor-version "
                    "compatibility (driver {driver}, needs {floor})",
                    "已知适合的最新 torch：{torch}，CUDA {cuda} 依靠次版本兼容运行（驱动 {driver}，要求 {floor}）",
                ),
                params,
            )
        return Said(
            Text(
                "newest torch with a build known to fit: {torch}, CUDA {cuda}, which driver {driver} supports directly",
                "已知适合的最新 torch：{torch}，CUDA {cuda}，驱动 {driver} 直接支持",
            ),
            params,
        )

    def _ordered(self, variant: str, possible: Sequence[Candidate]) -> Choice:
        for name in self.trio:
            other = self.wishes[name].variant if name in self.wishes else None
            if other is not None and other != variant:
                self._reject("%s %s" % (name, other), ["order: %s and %s cannot be in one set" % (variant, other)])
                both = Text("+{one} and +{other} cannot be in one set", "+{one} 和 +{other} 不能放在一起")
                return self._finish((), False, Said(both, {"one": variant, "other": other}))
        found = [candidate for candidate in possible if candidate[0].variant == variant]
        for candidate in possible:
            if candidate[0].variant != variant:
                self._reject(candidate[0].name, ["order: +%s was asked for" % variant])
            elif candidate is not found[0]:
                self._reject(candidate[0].name, ["order: older than %s" % found[0][0].version])
        if not found:
            found = self._despite_limits(variant)
            if not found:
                return self._finish((), False, self._no_order(variant)) if possible else self._none((), [])
            build, vision, audio = found[0]
            fits = False
        else:
            build, vision, audio = found[0]
            fits = True
        fits = self._say_order(found[0]) and fits
        rule = Said(Text("the build that was asked for", "按要求指定的构建"))
        return self._with_others(self._files(build, vision, audio), fits, rule, (), build)

    def _no_order(self, variant: str) -> Said:
        """Return that there is no build of the name that was ordered, and which ones there are."""
        named = [n for n in self.trio if n in self.wishes and self.wishes[n].variant]
        others = sorted({candidate[0].variant for candidate in self._candidates()})
        plain = self.target.system == "macos"
        return Said(
            Text(
                "there is no {asked} for Python {python} on {platform}; there is {others}",
                "没有适合 Python {python}、{platform} 的 {asked}；有的是 {others}",
            ),
            {
                "asked": " ".join("%s%s+%s" % (n, self.wishes[n].specifier, variant) for n in named),
                "python": self._python_word(),
                "platform": self.target.platform,
                "others": "torch" + self.wishes.get("torch", Wish("torch")).specifier
                if plain
                else ", ".join("+" + name for name in others[:8]),
            },
        )

    def _despite_limits(self, variant: str) -> List[Candidate]:
        """Return an ordered build that exists for this Python and platform but does not fit its libc or CPU."""
        matrix, target = self.matrix, self.target
        wish = self.wishes.get("torch")
        for version in matrix.torch_releases:
            if wish is not None and not matches(wish.specifier, version):
                continue
            if target.python_tag not in matrix.pythons(version, target.platform):
                continue
            pair = [self._partner(version, name) for name in PARTNERS]
            if any(why for _, why in pair) or self._numpy_reasons(version):
                continue
            wanted = 1 + sum(partner is not None for partner, _ in pair)
            for build in matrix.builds(version, target.platform):
                if build.variant == variant and len(self._files(build, pair[0][0], pair[1][0])) == wanted:
                    reasons = self._file_reasons(build, [partner for partner, _ in pair])
                    self._warn(
                        "{build} does not fit: {reasons}.",
                        "{build} 不适合：{reasons}。",
                        build=build.name,
                        reasons=tuple(reasons),
                    )
                    return [(build, pair[0][0], pair[1][0])]
        return []

    def _say_order(self, candidate: Candidate) -> bool:
        """Warn about what speaks against an ordered build; return False when it is known not to fit."""
        target, build = self.target, candidate[0]
        if build.cuda is None:
            if build.variant == "cpu" and target.gpus:
                self._warn("The CPU build leaves the GPU unused.", "CPU 版不会使用显卡。")
            if build.variant != "cpu":
                self._warn(
                    "Whether {variant} fits is not judged here: it is not for NVIDIA cards.",
                    "{variant} 不用于 NVIDIA 显卡，这里不判断它是否适合。",
                    variant=build.variant,
                )
                return False
            return True
        system = target.driver_system
        floor = self.matrix.minimum_driver(build.cuda, system) or "?"
        if target.driver_state == NONE or target.gpus == ():
            self._warn(
                "{build} needs an NVIDIA GPU with driver {floor} or newer; there is none.",
                "{build} 需要 NVIDIA 显卡和 {floor} 或更新的驱动，这里没有。",
                build=build.name,
                floor=floor,
            )
            return False
        driver = target.driver if target.driver_state == KNOWN else None
        if driver is None:
            self._warn(
                "The driver is not known: {build} needs {floor} or newer.",
                "驱动版本未知：{build} 需要 {floor} 或更新的驱动。",
                build=build.name,
                floor=floor,
            )
        verdict = self._judge(candidate, driver, target.gpus or ())
        if verdict.status == FAILS:
            self._warn(
                "{build} does not fit: {reasons}.",
                "{build} 不适合：{reasons}。",
                build=build.name,
                reasons=tuple(verdict.reasons),
            )
        elif verdict.status == UNCONFIRMED:
            self._warn("Not confirmed: {reasons}.", "未确认：{reasons}。", reasons=tuple(verdict.reasons))
        elif verdict.how == "minor":
            self._warn(
                "Driver {driver} runs CUDA {cuda} by minor-version compatibility.",
                "驱动 {driver} 依靠次版本兼容运行 CUDA {cuda}。",
                driver=driver,
                cuda=build.cuda,
            )
        if target.gpus:
            self._say_cards(target.gpus, driver)
        return verdict.status != FAILS

    def _cannot_tell(self, possible: Sequence[Candidate]) -> Choice:
        """The driver or the cards are unknown: every set that could be right, and when it is."""
        alternatives: List[Alternative] = []
        target = self.target
        if target.gpus and not self._unknown_cards():
            alternatives.extend(self._other_drivers(possible, target.gpus, None, None))
        else:
            alternatives.extend(self._other_cards(possible))
        alternatives.extend(self._cpu_alternative(possible))
        unknown = self._unknown_cards()
        cards = () if unknown else target.gpus or ()
        driver = target.driver if target.driver_state == KNOWN else None
        open_question = "the GPU" if driver else "the driver" if cards else "driver and GPU"
        for candidate in possible:
            known = self._judge(candidate, driver, cards) if candidate[0].cuda else None
            if known is not None and known.status == FAILS:
                self._reject(candidate[0].name, known.reasons)
            else:
                self._reject(candidate[0].name, ["unknown: %s" % open_question])
        if unknown:
            what = Text(
                "the compute capability of {name} is not known, so it cannot be told which build fits",
                "不知道 {name} 的计算能力，无法判断哪个构建适合",
            )
            params: Mapping[str, Any] = {"name": unknown[0].name}
        elif target.gpus:
            what = Text(
                "the driver is not known, so it cannot be told which build fits (--assume-driver says it)",
                "驱动版本未知，无法判断哪个构建适合（可用 --assume-driver 指定）",
            )
            params = {}
        elif target.driver_state == KNOWN:
            what = Text(
                "the GPU is not known, so it cannot be told which build fits (--assume-gpu or --no-gpu says it)",
                "显卡未知，无法判断哪个构建适合（可用 --assume-gpu 或 --no-gpu 指定）",
            )
            params = {}
        else:
            what = Text(
                "GPU and driver are not known, so it cannot be told which build fits "
                "(--assume-gpu with --assume-driver, or --no-gpu, says it)",
                "显卡和驱动未知，无法判断哪个构建适合（可用 --assume-gpu 加 --assume-driver，或 --no-gpu 指定）",
            )
            params = {}
        for reason in target.unknowns:
            self._warn("Not known: {reason}.", "未知：{reason}。", reason=reason)
        return replace(self._finish((), False, Said(what, params), alternatives), undecided=True)

    def _none(self, possible: Sequence[Candidate], alternatives: Sequence[Alternative]) -> Choice:
        found = list(alternatives)
        gpus = self.target.gpus or self.target.tegra
        if possible and gpus and all(self.wishes[n].variant is None for n in self.trio if n in self.wishes):
            found.extend(self._cpu_alternative(possible))
        if not possible:
            rule = Said(
                Text(
                    "no torch release has a build for Python {python} on {platform} that fits what was asked",
                    "没有适合 Python {python}、{platform} 且符合要求的 torch 版本",
                ),
                {"python": self._python_word(), "platform": self.target.platform},
            )
        elif self.target.tegra:
            rule = Said(
                Text(
                    "PyTorch's CUDA builds for aarch64 are made for servers; a Jetson before JetPack 7 needs the torch "
                    "that NVIDIA builds for its JetPack",
                    "PyTorch 的 aarch64 CUDA 构建面向服务器；JetPack 7 之前的 Jetson 需要 NVIDIA "
                    "为对应 JetPack 构建的 torch",
                )
            )
        elif self.target.gpus and self.target.driver_state == NONE:
            rule = Said(
                Text("no build fits: there is an NVIDIA card but no driver", "没有适合的构建：有 NVIDIA 显卡但没有驱动")
            )
        elif self.target.gpus and len(self.target.gpus) > 1:
            rule = Said(
                Text("no single build serves every card with this driver", "没有一个构建能同时支持所有显卡和该驱动")
            )
        elif self.target.gpus:
            rule = Said(Text("no build runs with this driver and card", "没有构建能在该驱动和显卡上运行"))
        else:
            rule = Said(Text("no build is as was asked", "没有符合要求的构建"))
        return self._finish((), False, rule, found)

    # ------------------------------------------------------------ alternatives

    def _set(self, verdict: Verdict) -> Tuple[Wheel, ...]:
        files = self._files(verdict.build, verdict.torchvision, verdict.torchaudio)
        numpy = self._numpy_for(verdict.build)
        return files + ((numpy,) if numpy else ())

    def _cpu_alternative(self, possible: Sequence[Candidate]) -> List[Alternative]:
        for build, vision, audio in possible:
            if build.variant == "cpu":
                verdict = Verdict(build, vision, audio, FITS, "")
                return [Alternative(Said(Text("without an NVIDIA GPU", "不使用 NVIDIA 显卡时")), self._set(verdict))]
        return []

    def _by_driver(
        self, possible: Sequence[Candidate], cards: Sequence[Card], above: Optional[str]
    ) -> List[Tuple[str, Verdict]]:
        """Return the best build for every driver floor above the driver there is (None: any), newest floor first."""
        system = self.target.driver_system
        floors = set()
        for cuda in {candidate[0].cuda for candidate in possible if candidate[0].cuda}:
            for minor in (True, False):
                floor = self.matrix.minimum_driver(cuda, system, minor)
                if floor is not None and (above is None or key(floor) > key(above)):
                    floors.add(floor)
        # a bare branch number (580) says no more than the first driver of that branch, when that is known
        first = {floor.split(".")[0] for floor in floors if "." in floor}
        found: List[Tuple[str, Verdict]] = []
        for floor in sorted((f for f in floors if "." in f or f not in first), key=key):
            verdict = self._best(possible, floor, cards)
            if verdict is not None and all(verdict.build != other.build for _, other in found):
                found.append((floor, verdict))
        found.reverse()
        return found

    def _other_drivers(
        self, possible: Sequence[Candidate], cards: Sequence[Card], chosen: Optional[Verdict], driver: Optional[str]
    ) -> List[Alternative]:
        """Return the better set for every newer driver."""
        found = []
        for floor, verdict in self._by_driver(possible, cards, driver):
            if chosen is None or _newer(verdict, chosen):
                when = Said(Text("driver ≥ {driver}", "驱动 ≥ {driver}"), {"driver": floor})
                found.append(Alternative(when, self._set(verdict)))
        return found

    def _other_cards(self, possible: Sequence[Candidate]) -> List[Alternative]:
        """Return the best set for every kind of card, with the driver there is or for every driver floor."""
        driver = self.target.driver if self.target.driver_state == KNOWN else None
        groups: List[Tuple[List[Tuple[str, Verdict]], List[str]]] = []
        seen: Dict[Tuple[Tuple[Optional[bool], ...], ...], List[Tuple[str, Verdict]]] = {}
        with_cuda = [candidate for candidate in possible if candidate[0].cuda is not None]
        # many releases have the same code: each kind of it is judged once a card, not once a release
        kinds = {(build.sass, build.ptx, build.cuda): build for build, _, _ in with_cuda}
        for cc in reversed(self.matrix.capabilities):
            cards = (Card(cc, cc),)
            answers = {
                code: tuple(self.matrix.serves(build, cc, direct).answer for direct in (True, False))
                for code, build in kinds.items()
            }
            kind = tuple(answers.values())
            if kind not in seen:
                serving = [item for item in with_cuda if True in answers[item[0].sass, item[0].ptx, item[0].cuda]]
                if driver is None:
                    seen[kind] = self._by_driver(serving, cards, None)
                else:
                    verdict = self._best(serving, driver, cards)
                    seen[kind] = [(driver, verdict)] if verdict is not None else []
            best = seen[kind]
            same = [(floor, verdict.build) for floor, verdict in best]
            if groups and same == [(floor, verdict.build) for floor, verdict in groups[-1][0]]:
                groups[-1][1].append(cc)
            elif best:
                groups.append((best, [cc]))
        found = []
        for best, codes in groups:
            span = codes[0] if len(codes) == 1 else "%s…%s" % (codes[-1], codes[0])
            for floor, verdict in best:
                when = Said(Text("a GPU of compute capability {span}", "显卡计算能力为 {span}"), {"span": span})
                if driver is None:
                    when = Said(
                        Text(
                            "a GPU of compute capability {span} and driver ≥ {driver}",
                            "显卡计算能力为 {span} 且驱动 ≥ {driver}",
                        ),
                        {"span": span, "driver": floor},
                    )
                found.append(Alternative(when, self._set(verdict)))
        return found

    def _each_card(self, possible: Sequence[Candidate], driver: str) -> List[Alternative]:
        cards = self.target.gpus or ()
        found = []
        for card in cards if len(cards) > 1 else ():
            verdict = self._best(possible, driver, (card,))
            if verdict is not None:
                when = Said(Text("only {name} is used", "只使用 {name}"), {"name": card.name})
                found.append(Alternative(when, self._set(verdict)))
        return found

    # ------------------------------------------------------------ what to say

    def _say_cards(self, cards: Sequence[Card], driver: Optional[str]) -> None:
        for card in cards:
            last = self.matrix.last_driver_branch(card.cc) if card.cc else None
            if last is not None and driver is not None and key(driver)[0][0] > _branch_end(self.matrix, last):
                self._warn(
                    "Driver {driver} is newer than branch {last}, the last one for {name}: the card may not be driven.",
                    "驱动 {driver} 比支持 {name} 的最后分支 {last} 更新，该显卡可能无法驱动。",
                    driver=driver,
                    last=last,
                    name=card.name,
                )

    def _say_newer(self, version: str) -> None:
        """Say which asked-for partner or range kept a newer torch from being chosen."""
        if "torchaudio" in self.trio and version != self.matrix.torch_releases[0]:
            last = self.matrix.table("torch.last_torchaudio.version")
            wish = self.wishes.get("torch")
            if last and (self.matrix.partners(version) or ((), ()))[1] == (last,) and (wish is None or not wish.exact):
                self._warn(
                    "torchaudio ends at {last}; torch {version} is the last that it belongs to.",
                    "torchaudio 止于 {last}；与之配套的最后一个 torch 是 {version}。",
                    last=last,
                    version=version,
                )

    # ------------------------------------------------------------ files

    def _files(self, build: Build, vision: Optional[str], audio: Optional[str]) -> Tuple[Wheel, ...]:
        found = []
        for name, version in (("torch", build.version), ("torchvision", vision), ("torchaudio", audio)):
            if version is None:
                continue
            file = self.matrix.file(name, version, build.variant, self.target.platform, self.target.python_tag)
            if file is not None:
                found.append(file)
        return tuple(found)


# ---------------------------------------------------------------- order


def _rank(verdict: Verdict) -> Tuple[Any, ...]:
    return key(verdict.build.version), verdict.how == "direct", capability(verdict.build.cuda or "0.0")


def _newer(a: Verdict, b: Verdict) -> bool:
    return (key(a.build.version), capability(a.build.cuda or "0.0")) > (
        key(b.build.version),
        capability(b.build.cuda or "0.0"),
    )


def _outranked(verdict: Verdict, best: Optional[Verdict]) -> Tuple[str, ...]:
    """Return why a build that would fit was not taken."""
    if best is None:
        return ()
    if key(verdict.build.version) < key(best.build.version):
        return ("order: older than %s" % best.build.version,)
    if verdict.how != best.how:
        return ("order: only by minor-version compatibility",)
    return ("order: lower CUDA than %s" % best.build.cuda,)


def _branch_end(matrix: Matrix, branch: int) -> int:
    """Return the highest major number of a driver branch; Windows numbers run on inside it."""
    for row in matrix.table("drivers.branch_reports") or ():
        if row["branch"] == branch:
            return int(max(row["windows_majors"]))
    return branch
