"""ONNX Runtime cannot use the GPU here: its CUDA provider is missing or finds no CUDA libraries of its major version.

## What it checks
Reads which CUDA and cuDNN libraries the installed `onnxruntime-gpu` asks for (`libonnxruntime_providers_cuda.so`,
e.g. `libcublasLt.so.12` and `libcudnn.so.9`) and whether any of them is in the environment or known to the loader.
With an import trial, also which providers really are available. On a machine without an NVIDIA GPU there is nothing
to say.

## Why it matters
`onnxruntime-gpu` falls back to the CPU with one line on stderr that few people see: `Failed to create
CUDAExecutionProvider`. Inference works and takes ten times as long.

## Example
`onnxruntime-gpu 1.20.1` (CUDA 12, cuDNN 9) beside torch 2.0.1+cu118, which brings CUDA 11 and cuDNN 8.

## Fix
Installs the NVIDIA runtime packages of the right major version, or names the `onnxruntime-gpu` release built for
the CUDA that is here. Where the CPU package is installed and the project asks for CUDA: the GPU package.
"""

import re
from typing import Any, Dict, Iterator, List, Optional

from ...facts import Distributions, Facts, Host, NativeModules, Nvidia, Project, Python, Torch, Trials
from ...model import ERROR, WARNING, Finding, KeepOne, Manual
from ...patterns import lazy
from ...registry import Signature, check
from ...text import Text
from ._shared import ONNXRUNTIME, installed, uses

EXPLAIN_ZH = """ONNX Runtime 在本机用不了 GPU：缺少 CUDA provider，或者找不到对应大版本的 CUDA 库。

## 检查什么
读取已安装的 `onnxruntime-gpu` 需要哪些 CUDA 和 cuDNN 库（`libonnxruntime_providers_cuda.so` 里的
`libcublasLt.so.12`、`libcudnn.so.9` 等），看环境里或加载器缓存里有没有。做过导入试验时，还会核对实际可用的 provider。
没有 NVIDIA GPU 的机器不作判断。

## 为什么重要
`onnxruntime-gpu` 会退回 CPU，只在 stderr 打一行很少有人注意的 `Failed to create CUDAExecutionProvider`。推理能跑，
但慢十倍。

## 示例
`onnxruntime-gpu 1.20.1`（CUDA 12、cuDNN 9）与 torch 2.0.1+cu118 装在一起，后者带的是 CUDA 11 和 cuDNN 8。

## 修复
安装对应大版本的 NVIDIA 运行库，或者换成与现有 CUDA 匹配的 `onnxruntime-gpu` 版本。装的是 CPU 版而项目要用 CUDA 时，
换成 GPU 版。
"""

#: sonames that say for which CUDA and cuDNN a provider was built
_CUDA = lazy(r"libcu(?:blas|blasLt|dart|fft|rand)\.so\.(\d+)")
_CUDNN = lazy(r"libcudnn\w*\.so\.(\d+)")

CPU_TITLE = Text(
    "The project asks ONNX Runtime for CUDA, but only {package} is installed.",
    "项目要求 ONNX Runtime 使用 CUDA，但只安装了 {package}。",
)
CPU_CAUSE = Text(
    "{package} has no CUDA provider; the machine has an NVIDIA GPU that it will not use. {libraries} is what the "
    "project names.",
    "{package} 没有 CUDA provider，机器上的 NVIDIA GPU 用不上。项目中写的是 {libraries}。",
)
LIBRARIES = Text(
    "Install the NVIDIA libraries it was built for: pip install {pip_packages}; and import torch (or call "
    "onnxruntime.preload_dlls()) first.",
    "安装它需要的 NVIDIA 库：pip install {pip_packages}；并且先 import torch（或调用 onnxruntime.preload_dlls()）。",
)


SIGNATURES = (
    Signature(r"Failed to load \S{0,120}onnxruntime_providers_(?:cuda|tensorrt|shared)\.dll", "medium"),
    Signature(
        r"Specified provider '(?P<provider>\w+ExecutionProvider)' is not in available provider names",
        "medium",
        outranks=("cuda-libs-conflict", "system-lib-missing"),
    ),
    Signature(
        r"Failed to create (?P<provider>(?:CUDA|Tensorrt|TensorRT|Dml|ROCM|MIGraphX)ExecutionProvider)",
        outranks=("cuda-libs-conflict", "system-lib-missing"),
    ),
    Signature(
        r"(?:Failed to load library|trying to load) .{0,300}onnxruntime_providers_(?:cuda|tensorrt|shared|rocm)",
        outranks=("cuda-libs-conflict", "system-lib-missing", "windows-dll-load"),
    ),
    Signature(
        r"module 'onnxruntime' has no attribute '(?P<name>InferenceSession|"
        r"get_available_providers|__version__|SessionOptions|get_device|"
        r"set_default_logger_severity)'",
        cause=Text(
            "onnxruntime is there without its files: onnxruntime and onnxruntime-gpu share them, and removing one "
            "broke the other.",
            "onnxruntime 的文件不完整：onnxruntime 与 onnxruntime-gpu 共用文件，卸载其中一个会弄坏另一个。",
        ),
    ),
    Signature(
        r"CUDA_PATH is set but CUDA wasn'?t able to be loaded", outranks=("cuda-libs-conflict", "windows-dll-load")
    ),
    Signature(r"This ORT build has \[.{0,200}\] enabled"),
    Signature(
        r"Require cuDNN \S{1,6} and CUDA \S{1,6}.{0,80}latest MSVC|"
        r"install all dependencies as mentioned in the GPU requirements page"
    ),
    Signature(r"EP Error .{0,300}ExecutionProvider|Attempt to set \w+ExecutionProvider failed", "medium"),
    Signature(
        r"ProviderLibrary::Get.{0,120}LoadLibrary failed with error",
        outranks=("cuda-libs-conflict", "windows-dll-load"),
    ),
    Signature(
        r"onnxruntime_providers_\w+\.(?:so|dll).{0,60}(?:cannot open shared object|error 126|WinError)",
        outranks=("cuda-libs-conflict", "system-lib-missing", "windows-dll-load"),
    ),
    Signature(r"(?:CUDAExecutionProvider|TensorrtExecutionProvider) (?:is )?not available", "medium"),
)


@check(
    code="onnxruntime-provider",
    severity=ERROR,
    summary=Text(
        "ONNX Runtime's CUDA provider cannot work on this machine.",
        "ONNX Runtime 的 CUDA provider 在本机无法工作。",
    ),
    message=Text(
        "{package} cannot load its CUDA provider: {libraries} is missing.",
        "{package} 无法加载 CUDA provider：缺少 {libraries}。",
    ),
    cause=Text(
        "{package} was built for CUDA {cuda} and cuDNN {cudnn}; here there is {present}. It falls back to the CPU.",
        "{package} 是为 CUDA {cuda}、cuDNN {cudnn} 构建的，而本机是 {present}，因此会退回 CPU。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, NativeModules, Nvidia, Torch, Project, Python, Host, Trials),
    signatures=SIGNATURES,
)
def onnxruntime_provider(facts: Facts, matrix) -> Iterator[Finding]:
    found = installed(facts, ONNXRUNTIME)
    if len(found) != 1:
        return  # several: onnxruntime-conflict says what is wrong
    nvidia = facts.need(Nvidia)
    if not nvidia.gpus and not nvidia.driver:
        return
    item = found[0]
    trials = facts.maybe(Trials)
    stage = trials.stage("onnxruntime") if trials else None
    if item.name == "onnxruntime":
        wanted = [use for use in uses(facts, "onnxruntime.CUDAExecutionProvider") if "guard" not in use.detail]
        project = facts.maybe(Project)
        if wanted and project is not None:
            yield Finding(
                params=_params(item, "CUDAExecutionProvider", "", "", ""),
                evidence=tuple(str(use.where) for use in wanted[:5]),
                severity=WARNING,
                title=CPU_TITLE,
                cause=CPU_CAUSE,
                remedies=(KeepOne(("onnxruntime",), "onnxruntime-gpu"),),
            )
        return
    if item.name != "onnxruntime-gpu":
        return
    missing: List[str] = []
    evidence: List[str] = []
    for module in facts.need(NativeModules).items:
        if module.distribution == item.name and module.missing_libraries:
            missing.extend(name for name in module.missing_libraries if name not in missing)
            evidence.append("%s: NEEDED %s" % (module.path, ", ".join(module.missing_libraries)))
    providers = stage.data.get("providers") if stage is not None and stage.status == "ok" else None
    lost = providers is not None and "CUDAExecutionProvider" not in providers
    cuda_missing = [name for name in missing if _CUDA.match(name) or _CUDNN.match(name)]
    if not cuda_missing and not lost:
        return
    if lost:
        evidence.append("get_available_providers(): %s" % ", ".join(str(name) for name in providers or ()))
    cuda = _major(cuda_missing, _CUDA)
    cudnn = _major(cuda_missing, _CUDNN)
    params = _params(
        item, ", ".join(cuda_missing) or "CUDAExecutionProvider", cuda or "?", cudnn or "?", _present(facts)
    )
    suffix = "-cu%s" % cuda if cuda else ""
    names = ["nvidia-%s%s" % (name, suffix) for name in ("cuda-runtime", "cublas", "cufft", "curand")] if cuda else []
    params["pip_packages"] = " ".join(
        names + (["nvidia-cudnn%s" % suffix] if cuda else ["%s --force-reinstall" % item.name])
    )
    yield Finding(
        params=params, evidence=tuple(evidence), severity=ERROR if lost else WARNING, remedies=(Manual(LIBRARIES),)
    )


def _params(item: Any, libraries: str, cuda: str, cudnn: str, present: str) -> Dict[str, Any]:
    return {
        "package": "%s %s" % (item.name, item.version),
        "version": item.version,
        "libraries": libraries,
        "cuda": cuda,
        "cudnn": cudnn,
        "present": present,
    }


def _major(names: List[str], pattern: "re.Pattern[str]") -> Optional[str]:
    return next((match.group(1) for match in map(pattern.match, names) if match), None)


def _present(facts: Facts) -> str:
    torch, distributions = facts.maybe(Torch), facts.need(Distributions)
    parts = ["torch %s" % torch.version] if torch is not None else []
    parts.extend(
        "%s %s" % (one.name, one.version)
        for one in distributions.items
        if one.name.startswith(("nvidia-cudnn", "nvidia-cublas"))
    )
    return ", ".join(parts) or "-"
