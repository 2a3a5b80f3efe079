"""Which installed packages matter to a training run, and what the project imports them as."""

from typing import FrozenSet, List, Optional

from ...facts import Facts, Project
from ...modules import providers
from ..vision._shared import ONNXRUNTIME, OPENCV

#: distributions whose state decides whether training runs
STACK: FrozenSet[str] = frozenset(
    (
        "torch torchvision torchaudio triton numpy scipy pandas pillow opencv-python opencv-python-headless "
        "opencv-contrib-python opencv-contrib-python-headless onnx onnxruntime onnxruntime-gpu onnxsim matplotlib "
        "scikit-learn "
        "scikit-image ultralytics ultralytics-thop thop timm transformers tokenizers accelerate safetensors "
        "huggingface-hub "
        "datasets peft bitsandbytes diffusers pytorch-lightning lightning torchmetrics pycocotools albumentations "
        "albucore "
        "mmcv mmcv-full mmdet mmengine detectron2 tensorboard protobuf tensorflow keras numba llvmlite xformers "
        "deepspeed vllm "
        "flash-attn tflite-runtime ai-edge-litert ncnn openvino"
    ).split()
)


def imported(facts: Facts, distribution: str) -> Optional[str]:
    """Return where the project first imports a distribution at start, or None when it does not, or only lazily."""
    project = facts.maybe(Project)
    for module, line in (project.imports if project else {}).items():
        if distribution in providers(module) and module not in project.lazy:  # type: ignore[union-attr]
            return str(line)
    return None


def alike(name: str) -> List[str]:
    """Return the distributions that answer for a name: the builds of OpenCV and ONNX Runtime stand for each other."""
    for family in (OPENCV, ONNXRUNTIME):
        if name in family:
            return [name] + [other for other in family if other != name]
    if name == "tensorboard":
        return [name, "tb-nightly"]
    return [name]
