"""Import names and the distributions that provide them, where the two differ."""

from typing import Mapping, Tuple

#: the first is the one to install
PROVIDERS: Mapping[str, Tuple[str, ...]] = {
    "cv2": ("opencv-python", "opencv-python-headless", "opencv-contrib-python", "opencv-contrib-python-headless"),
    "PIL": ("pillow", "pillow-simd"),
    "yaml": ("pyyaml",),
    "sklearn": ("scikit-learn",),
    "skimage": ("scikit-image",),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml", "onnxruntime-openvino"),
    "tflite_runtime": ("tflite-runtime",),
    "pkg_resources": ("setuptools",),
    "google": ("protobuf",),
    "bs4": ("beautifulsoup4",),
    "serial": ("pyserial",),
    "usb": ("pyusb",),
    "dateutil": ("python-dateutil",),
    "dotenv": ("python-dotenv",),
    "attr": ("attrs",),
    "git": ("gitpython",),
    "Crypto": ("pycryptodome",),
    "pycocotools": ("pycocotools", "pycocotools-windows"),
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-gpu", "tensorflow-intel"),
}

#: modules that come with the operating system only: pip cannot put them into an environment
SYSTEM_ONLY = ("picamera2", "libcamera", "apt", "apt_pkg", "gi")


def providers(module: str) -> Tuple[str, ...]:
    """Return the normalised names of the distributions that provide a top-level module, the one to install first."""
    return PROVIDERS.get(module, (module.lower().replace("_", "-"),))


def module_of(name: str) -> str:
    """Return the top-level module of a distribution, or of a module that is named itself."""
    wanted = name.lower().replace("_", "-")
    return next((module for module, names in PROVIDERS.items() if wanted in names), name.replace("-", "_"))
