"""An installed package needs a shared library that this system does not have.

## What it checks
Reads what the compiled modules of the installed packages ask for (ELF NEEDED) and looks for each library as the
loader does: `RPATH`, `RUNPATH` and `$ORIGIN`, `LD_LIBRARY_PATH`, the loader's cache, the standard folders of this
architecture. Libraries that the NVIDIA driver, a CUDA wheel or torch itself brings are judged elsewhere; those that
OpenCV's windows need are `opencv-libgl`.

## Why it matters
The import stops with `libXYZ.so.N: cannot open shared object file: No such file or directory`. Behind
`numpy.core.multiarray failed to import` it is easily taken for a version conflict.

## Example
numpy from piwheels on a fresh Raspberry Pi OS: `libopenblas.so.0: cannot open shared object file`.

## Fix
The package of this distribution that holds the library, as a command for apt, dnf, pacman or apk.
"""

from typing import Dict, Iterator, List

from ...facts import Distributions, Facts, Host, NativeModules, Trials
from ...model import ERROR, WARNING, Finding
from ...registry import Signature, check
from ...text import Text
from ..vision._shared import OPENCV
from ._libraries import NOT_SYSTEM, missing_from_trial, system_remedy

EXPLAIN_ZH = """已安装的包需要某个共享库，而系统里没有。

## 检查什么
读取已安装包的编译模块需要哪些库（ELF NEEDED），并按加载器的规则查找：`RPATH`、`RUNPATH` 和 `$ORIGIN`、
`LD_LIBRARY_PATH`、加载器缓存、当前架构的标准目录。NVIDIA 驱动、CUDA wheel 和 torch 自带的库由其他检查负责；OpenCV
窗口需要的库归 `opencv-libgl`。

## 为什么重要
导入时会报 `libXYZ.so.N: cannot open shared object file: No such file or directory`。如果外面包着
`numpy.core.multiarray failed to import`，很容易被误认为是版本冲突。

## 示例
全新的树莓派系统上使用 piwheels 的 numpy：`libopenblas.so.0: cannot open shared object file`。

## 修复
安装本发行版中包含该库的软件包，报告会给出 apt、dnf、pacman 或 apk 的命令。
"""


_OTHERS = (
    r"libcuda\.so|lib(?:cu(?:blas|dart|dnn|fft|rand|solver|sparse|pti|file)|nvJitLink|nvrtc|"
    r"nvToolsExt|nccl|nvinfer|nvonnx|torch|c10|caffe2|onnxruntime|amdhip|"
    r"hip|roc|MIOpen|GL\.|GLX|EGL|SM\.|Xext|Xrender|X11|ICE|gthread|glib-2|nvidia|mmal|bcm)"
)
SIGNATURES = (
    Signature(
        r"(?P<library>lib(?:openblas\w*|cblas|f77blas|atlas|lapack\w*|gfortran|"
        r"blas)\.so[.\d]*): cannot open shared object file",
        outranks=("numpy2-abi", "torch-broken"),
    ),
    Signature(
        r"(?:ImportError|OSError|error while loading shared libraries)\W.{0,120}?(?!"
        + _OTHERS
        + r")(?P<library>\blib[\w.+-]{2,60}?\.so[.\d]*)(?<!libtorch\.so): cannot open shared object file",
        "high",
        unless=(r"onnxruntime_providers",),
        outranks=("numpy2-abi",),
    ),
    Signature(
        r"(?<![\w/])(?!" + _OTHERS + r")(?P<library>lib[\w.+-]{2,60}?\.so[.\d]*): cannot open shared object file", "low"
    ),
    Signature(
        r"undefined symbol: (?P<symbol>cblas_\w+|\w*openblas\w*|[sdcz]gemm_?)", "medium", outranks=("numpy2-abi",)
    ),
    # a wheel for 32-bit ARM without its libatomic: LD_PRELOAD=.../libatomic.so.1
    Signature(
        r"undefined symbol: (?P<symbol>__atomic_\w+)", outranks=("extension-abi-mismatch", "numpy2-abi", "torch-broken")
    ),
    Signature(
        r"Import ?Error: ['\"`]?(?P<library>lib(?:hdf5|jasper|atlas|cblas|openblas|Qt|Ilm|avcodec)\S{0,20}\.so\S{0,8})",
        "low",
    ),
    Signature(r"Could not load libtorchcodec", "medium"),
    Signature(
        r"(?:sndfile|PortAudio|libsndfile|libportaudio) library not found|"
        r"cannot load library '(?P<library>lib[\w.-]{3,60})'|"
        r"did not manage to locate a library called '(?P<name>[\w.+-]{2,60})'"
    ),
    Signature(
        r"No such file or directory: '(?P<program>ffmpeg|ffprobe|git|cmake|ninja|gcc|g\+\+|make|"
        r"sox|dot)'|(?P<command>ffmpeg|ffprobe|sox)(?:: command not found| is not installed)",
        "medium",
    ),
    Signature(
        r"Python\.h: No such file or directory|fatal error: (?:jpeglib|zlib|ffi|png|"
        r"libavformat/avformat|portaudio|sndfile|hdf5|openssl/\w+)\.h: No such file",
        "medium",
    ),
    Signature(
        r"No module named '(?P<module>_bz2|_lzma|_ctypes|_ssl|_sqlite3|_tkinter|_curses|_hashlib|_uuid|_posixshmem)'",
        "high",
    ),
    Signature(
        r"No module named '?(?P<module>tkinter|distutils\.(?:util|cmd|core))",
        "medium",
        unless=(r"[Pp]ython ?3\.?1[2-9]",),
    ),
    Signature(r"Could not import the lzma module\. Your installed Python is incomplete", "medium", warning=True),
    Signature(
        r"Failed to find C compiler\. Please specify via CC|"
        r"error: command '(?P<program>[\w-]{0,40}(?:gcc|g\+\+|cc|clang))' failed: No such file|"
        r"unable to execute '(?P<compiler>[\w-]{0,40}(?:gcc|g\+\+|cc))'|"
        r"No CMAKE_CXX?_COMPILER could be found|CMake must be installed to build",
        "medium",
    ),
    Signature(r"Ninja is required to load C\+\+ extensions", "medium"),
    Signature(r"Microsoft Visual C\+\+ 14\.\d or greater is required", "low"),
    Signature(r"Could not load the Qt platform plugin .xcb.", "medium", unless=(r"cv2/qt/plugins",)),
    Signature(r"Library not loaded: (?P<library>/(?:opt/homebrew|usr/local)/\S{3,200}\.dylib)", "high"),
    Signature(r"Library not loaded: @\w{4,20}/(?P<library>lib(?!torch|c10|python)[\w.+-]{2,60}\.dylib)", "medium"),
    Signature(
        r"can'?t find Rust compiler|Cargo, the Rust package manager, is not installed|"
        r"pg_config executable not found|Could not find cmake executable|Couldn'?t find ffmpeg or avconv|"
        r"(?:sh|bash|zsh)\S{0,3} (?:line )?(?:\d{1,3}: )?(?P<tool>cmake|gcc|g\+\+|make|git|ninja|cargo|rustc)"
        r": (?:command )?not found",
        "medium",
    ),
    # a script that fetches weights goes on without them
    Signature(
        r"(?:sh|bash|zsh)\S{0,3} (?:line )?(?:\d{1,3}: )?(?P<tool>wget|unzip|curl): (?:command )?not found",
        "medium",
        unless=(r"(?:ModuleNotFoundError|ImportError): ",),
    ),
    Signature(r"cannot find -l(?!cuda\b|cudart|nv|torch|c10|pthread)(?P<library>\w[\w+-]{1,30})", "medium"),
    # told in words
    Signature(
        r"(?P<missing>\blib(?!cu|nv|torch|rar|GL)[a-z0-9+-]{3,30}) (?:is|was) missing|"
        r"\bmissing (?:\w{2,10} ){0,2}(?P<absent>lib(?!cu|nv|torch|rar|GL)[a-z0-9+-]{3,30})|"
        r"missing system (?:dependenc|librar)|"
        r"(?:sudo )?apt(?:-get)? install \S{0,3} ?build-essential|"
        r"缺少 ?lib\w{3,30}\.so",
        "low",
    ),
)


@check(
    code="system-lib-missing",
    severity=ERROR,
    summary=Text(
        "An installed package needs a system library that is missing.",
        "缺少已安装的包所需的系统库。",
    ),
    message=Text(
        "{packages} needs {libraries}, which is not on this system.",
        "{packages} 需要 {libraries}，而系统里没有。",
    ),
    cause=Text(
        "Compiled modules of {packages} load {libraries}; the loader finds no such file, so their import fails.",
        "{packages} 的编译模块要加载 {libraries}，加载器找不到这些文件，导入会失败。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(NativeModules, Distributions, Host, Trials),
    signatures=SIGNATURES,
)
def system_lib_missing(facts: Facts, matrix) -> Iterator[Finding]:
    trials = facts.maybe(Trials)
    found: Dict[str, List[str]] = {}
    evidence: List[str] = []
    proved = False
    for stage in trials.stages if trials else ():
        for name in missing_from_trial(stage) if stage.name != "cv2" else ():
            found.setdefault(name, []).append(stage.name)
            evidence.append("import trial, %s: %s: cannot open shared object file" % (stage.name, name))
            proved = True
    native = facts.maybe(NativeModules) if proved else facts.need(NativeModules)
    for module in native.items if native else ():
        if module.distribution in OPENCV:
            continue
        names = [name for name in module.missing_libraries if not NOT_SYSTEM.match(name)]
        for name in names:
            if module.distribution not in found.setdefault(name, []):
                found[name].append(module.distribution)
        if names:
            evidence.append("%s: NEEDED %s" % (module.path, ", ".join(names)))
    if not found:
        return
    libraries = sorted(found)
    packages = sorted({name for names in found.values() for name in names})
    yield Finding(
        params={"libraries": ", ".join(libraries), "missing": libraries, "packages": ", ".join(packages)},
        evidence=tuple(evidence[:20]),
        severity=ERROR if proved or _central(packages) else WARNING,
        remedies=(system_remedy(libraries, facts.maybe(Host)),),
    )


def _central(packages: List[str]) -> bool:
    """Tell whether one of these is imported by every training run; other modules may be optional parts."""
    return any(
        name in ("torch", "numpy", "torchvision", "scipy", "pillow", "onnxruntime", "pandas") for name in packages
    )
