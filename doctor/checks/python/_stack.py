"""Which installed packages matter to a training run, and what the project imports them as."""

from typing import FrozenSet, Optional

from ...facts import Facts, Project

#: distributions whose state decides whether training runs
STACK: FrozenSet[str] = frozenset(
    (
        "torch torchvision torchaudio triton numpy scipy pandas pillow opencv-python opencv-python-headless "
        "opencv-contrib-python opencv-contrib-python-headless onnx onnxruntime onnxruntime-gpu onnxsim matplotlib scikit-learn "
        "scikit-image ultralytics ultralytics-thop thop timm transformers tokenizers accelerate safetensors huggingface-hub "
        "datasets peft bitsandbytes diffusers pytorch-lightning lightning torchmetrics pycocotools albumentations albucore "
        "mmcv mmcv-full mmdet mmengine detectron2 tensorboard protobuf tensorflow keras numba llvmlite xformers deepspeed vllm "
        "flash-attn tflite-runtime ai-edge-litert ncnn openvino"
    ).split()
)

#: import name -> distribution, where they differ
DISTRIBUTIONS = {
    "cv2": "opencv-python",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "skimage": "scikit-image",
    "yaml": "pyyaml",
    "google.protobuf": "protobuf",
    "pkg_resources": "setuptools",
    "git": "gitpython",
    "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4",
    "serial": "pyserial",
    "OpenSSL": "pyopenssl",
    "Crypto": "pycryptodome",
    "attr": "attrs",
    "faiss": "faiss-cpu",
    "clip": "clip",
    "skvideo": "scikit-video",
    "onnx_graphsurgeon": "onnx-graphsurgeon",
    "pl_bolts": "lightning-bolts",
}


def distribution_of(module: str) -> str:
    """Return the distribution that brings an import name, as a rule."""
    return DISTRIBUTIONS.get(module, module.lower().replace("_", "-"))


def imported(facts: Facts, distribution: str) -> Optional[str]:
    """Return where the project first imports a distribution, or None when it does not."""
    project = facts.maybe(Project)
    for module, line in (project.imports if project else {}).items():
        if distribution_of(module) == distribution or (
            module in ("cv2", "onnxruntime")
            and distribution.startswith(("opencv", "onnxruntime"))
            and distribution.startswith("opencv") == (module == "cv2")
        ):
            return str(line)
    return None
