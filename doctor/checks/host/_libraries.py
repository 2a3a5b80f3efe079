"""System libraries by the name the loader asks for: which package of each distribution brings them."""

from typing import Any, Dict, List, NamedTuple, Optional, Sequence, Tuple

from ...facts import Host, Stage
from ...model import Manual, System
from ...patterns import lazy
from ...pi_os import apt_name
from ...text import Text


class Packages(NamedTuple):
    """The package that holds one library: Debian and Ubuntu, Fedora and RHEL, Arch, Alpine."""

    apt: str
    dnf: str
    pacman: str
    apk: str


#: soname without its number -> packages; the number matters only where the row says so (``name.so.N`` rows win)
PACKAGES: Dict[str, Packages] = {
    "libGL.so": Packages("libgl1", "mesa-libGL", "libglvnd", "mesa-gl"),
    "libEGL.so": Packages("libegl1", "mesa-libEGL", "libglvnd", "mesa-egl"),
    "libOpenGL.so": Packages("libopengl0", "libglvnd-opengl", "libglvnd", "mesa-gl"),
    "libgthread-2.0.so": Packages("libglib2.0-0", "glib2", "glib2", "glib"),
    "libglib-2.0.so": Packages("libglib2.0-0", "glib2", "glib2", "glib"),
    "libgobject-2.0.so": Packages("libglib2.0-0", "glib2", "glib2", "glib"),
    "libSM.so": Packages("libsm6", "libSM", "libsm", "libsm"),
    "libICE.so": Packages("libice6", "libICE", "libice", "libice"),
    "libXext.so": Packages("libxext6", "libXext", "libxext", "libxext"),
    "libXrender.so": Packages("libxrender1", "libXrender", "libxrender", "libxrender"),
    "libX11.so": Packages("libx11-6", "libX11", "libx11", "libx11"),
    "libX11-xcb.so": Packages("libx11-xcb1", "libX11-xcb", "libx11", "libx11"),
    "libxcb.so": Packages("libxcb1", "libxcb", "libxcb", "libxcb"),
    "libXi.so": Packages("libxi6", "libXi", "libxi", "libxi"),
    "libgomp.so": Packages("libgomp1", "libgomp", "gcc-libs", "libgomp"),
    "libomp.so": Packages("libomp5", "libomp", "openmp", "openmp"),
    "libstdc++.so": Packages("libstdc++6", "libstdc++", "gcc-libs", "libstdc++"),
    "libgcc_s.so": Packages("libgcc-s1", "libgcc", "gcc-libs", "libgcc"),
    "libatomic.so": Packages("libatomic1", "libatomic", "gcc-libs", "libatomic"),
    "libgfortran.so.3": Packages("libgfortran3", "libgfortran", "gcc-libs", "libgfortran"),
    "libgfortran.so.4": Packages("libgfortran4", "libgfortran", "gcc-libs", "libgfortran"),
    "libgfortran.so": Packages("libgfortran5", "libgfortran", "gcc-libs", "libgfortran"),
    "libopenblas.so": Packages("libopenblas0", "openblas", "openblas", "openblas"),
    "libf77blas.so": Packages("libatlas3-base", "atlas", "atlas-lapack", "openblas"),
    "libcblas.so": Packages("libatlas3-base", "atlas", "cblas", "openblas"),
    "libatlas.so": Packages("libatlas3-base", "atlas", "atlas-lapack", "openblas"),
    "libblas.so": Packages("libblas3", "blas", "blas", "blas"),
    "liblapack.so": Packages("liblapack3", "lapack", "lapack", "lapack"),
    "libjpeg.so.62": Packages("libjpeg62-turbo", "libjpeg-turbo", "libjpeg6-turbo", "libjpeg-turbo"),
    "libjpeg.so": Packages("libjpeg8", "libjpeg-turbo", "libjpeg-turbo", "libjpeg-turbo"),
    "libpng16.so": Packages("libpng16-16", "libpng", "libpng", "libpng"),
    "libtiff.so.5": Packages("libtiff5", "libtiff", "libtiff", "tiff"),
    "libtiff.so": Packages("libtiff6", "libtiff", "libtiff", "tiff"),
    "libwebp.so.6": Packages("libwebp6", "libwebp", "libwebp", "libwebp"),
    "libwebp.so": Packages("libwebp7", "libwebp", "libwebp", "libwebp"),
    "libopenjp2.so": Packages("libopenjp2-7", "openjpeg2", "openjpeg2", "openjpeg"),
    "libIlmImf-2_2.so": Packages("libilmbase-dev libopenexr23", "OpenEXR", "openexr", "openexr"),
    "libIlmImf-2_5.so": Packages("libopenexr25", "OpenEXR", "openexr", "openexr"),
    "libavcodec.so.58": Packages("libavcodec58", "ffmpeg-libs", "ffmpeg4.4", "ffmpeg-libs"),
    "libavformat.so.58": Packages("libavformat58", "ffmpeg-libs", "ffmpeg4.4", "ffmpeg-libs"),
    "libavutil.so.56": Packages("libavutil56", "ffmpeg-libs", "ffmpeg4.4", "ffmpeg-libs"),
    "libswscale.so.5": Packages("libswscale5", "ffmpeg-libs", "ffmpeg4.4", "ffmpeg-libs"),
    "libavcodec.so": Packages("ffmpeg", "ffmpeg-libs", "ffmpeg", "ffmpeg-libs"),
    "libavformat.so": Packages("ffmpeg", "ffmpeg-libs", "ffmpeg", "ffmpeg-libs"),
    "libavutil.so": Packages("ffmpeg", "ffmpeg-libs", "ffmpeg", "ffmpeg-libs"),
    "libswscale.so": Packages("ffmpeg", "ffmpeg-libs", "ffmpeg", "ffmpeg-libs"),
    "libgtk-3.so": Packages("libgtk-3-0", "gtk3", "gtk3", "gtk+3.0"),
    "libgtk-x11-2.0.so": Packages("libgtk2.0-0", "gtk2", "gtk2", "gtk+2.0"),
    "libgdk-3.so": Packages("libgtk-3-0", "gtk3", "gtk3", "gtk+3.0"),
    "libQtGui.so.4": Packages("libqtgui4", "qt-x11", "qt4", "qt"),
    "libQtCore.so.4": Packages("libqtcore4", "qt", "qt4", "qt"),
    "libQtTest.so.4": Packages("libqt4-test", "qt", "qt4", "qt"),
    "libhdf5_serial.so": Packages("libhdf5-103", "hdf5", "hdf5", "hdf5"),
    "libhdf5.so": Packages("libhdf5-103", "hdf5", "hdf5", "hdf5"),
    "libsndfile.so": Packages("libsndfile1", "libsndfile", "libsndfile", "libsndfile"),
    "libsox.so": Packages("libsox3", "sox", "sox", "sox"),
    "libz.so": Packages("zlib1g", "zlib", "zlib", "zlib"),
    "libffi.so": Packages("libffi8", "libffi", "libffi", "libffi"),
    "libffi.so.6": Packages("libffi6", "libffi3.1", "libffi6", "libffi"),
    "libffi.so.7": Packages("libffi7", "libffi", "libffi7", "libffi"),
    "libssl.so.1.1": Packages("libssl1.1", "openssl1.1", "openssl-1.1", "openssl1.1-compat"),
    "libcrypto.so.1.1": Packages("libssl1.1", "openssl1.1", "openssl-1.1", "openssl1.1-compat"),
    "libcap.so": Packages("libcap2", "libcap", "libcap", "libcap"),
    "libnuma.so": Packages("libnuma1", "numactl-libs", "numactl", "numactl"),
    "libtbb.so.2": Packages("libtbb2", "tbb", "tbb", "onetbb"),
    "libtbb.so": Packages("libtbb12", "tbb", "onetbb", "onetbb"),
}

_COMMANDS = {
    "apt": ("apt-get", "install", "-y"),
    "dnf": ("dnf", "install", "-y"),
    "pacman": ("pacman", "-S", "--needed"),
    "apk": ("apk", "add", "--no-cache"),
}
_FAMILIES = (
    (("debian", "ubuntu", "raspbian", "linuxmint", "pop", "kali", "deepin", "uos"), "apt"),
    (("fedora", "rhel", "centos", "rocky", "almalinux", "amzn", "openeuler", "anolis"), "dnf"),
    (("arch", "manjaro", "endeavouros"), "pacman"),
    (("alpine",), "apk"),
)
#: libraries that the NVIDIA driver, a CUDA wheel or torch itself brings: never a system package
NOT_SYSTEM = lazy(
    r"lib(?:cuda|cudart|cudnn\w*|cublas\w*|cufft\w*|curand|cusolver\w*|cusparse\w*|cufile\w*|cupti|nvrtc[\w-]*|nvJitLink"
    r"|nvToolsExt"
    r"|nccl|nvinfer\w*|nvidia-[\w-]+|nvshmem\w*|torch\w*|c10\w*|caffe2\w*|shm|python3?[\w.]*"
    r"|amdhip64|rocm\w*|MIOpen|hip\w*|roc\w*)"
    r"(?:\.so|-)"
)
_CANNOT_OPEN = lazy(r"(?:^|[\s:'\"])(lib[\w.+-]+\.so(?:\.[\w.]+)?): cannot open shared object file")

INSTALL = Text(
    "Install the system packages that hold these libraries.",
    "安装包含这些库的系统包。",
)
BY_HAND = Text(
    "Install the package of your distribution that holds {libraries}.",
    "请安装你的发行版中包含 {libraries} 的软件包。",
)


def packages_of(soname: str) -> Optional[Packages]:
    """Return the packages of a library, or None when the table does not know it."""
    row = PACKAGES.get(soname)
    stem, _, number = soname.partition(".so")
    return row or PACKAGES.get("%s.so%s" % (stem, ".".join(number.split(".")[:2]))) or PACKAGES.get(stem + ".so")


def manager_of(host: Optional[Host]) -> Optional[str]:
    """Return apt, dnf, pacman or apk by the distribution, or None."""
    words = (host.distro,) + tuple(host.distro_like) if host else ()
    for names, manager in _FAMILIES:
        if any(word in names for word in words):
            return manager
    return None


def system_packages(sonames: Sequence[str], manager: str) -> Tuple[str, ...]:
    """Return the packages to install for these libraries, each once; libraries without a row are left out."""
    found: List[str] = []
    for soname in sonames:
        row = packages_of(soname)
        for name in getattr(row, manager).split() if row else ():
            if name not in found:
                found.append(name)
    return tuple(found)


def system_remedy(sonames: Sequence[str], host: Optional[Host]) -> Any:
    """Return the command that brings these libraries here, or the words for a system that has no table row."""
    manager = manager_of(host)
    names = system_packages(sonames, manager) if manager else ()
    if not manager or not names:
        return Manual(BY_HAND)
    if manager == "apt" and host is not None:
        names = tuple(dict.fromkeys(apt_name(name, host.codename) for name in names))
    install = _COMMANDS[manager] + names
    first = (("apt-get", "update"),) if manager == "apt" else ()
    return System(INSTALL, first + (install,))


def missing_from_trial(stage: Optional[Stage]) -> List[str]:
    """Return the system libraries that an import trial could not open."""
    if stage is None or stage.status == "ok":
        return []
    names = _CANNOT_OPEN.findall(stage.text)
    return [name for name in dict.fromkeys(names) if not NOT_SYSTEM.match(name)]
