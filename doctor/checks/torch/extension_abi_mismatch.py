"""A compiled extension was built for another torch.

## What it checks
Packages with compiled code that name the torch they were built for: in the local part of their version (`+pt21cu121`,
`+cu122torch2.4cxx11abifalse`) or by an exact pin (`torch==2.3.1`).

## Why it matters
The extension fails with `undefined symbol: _ZN3c10…` when it is imported, often deep inside the model's code.

## Example
`flash-attn 2.6.3+cu123torch2.4cxx11abifalse` beside `torch==2.5.1`; `xformers` that pins `torch==2.3.1`.

## Fix
Install the package's wheel for this torch, or build it again with this torch in place.
"""

import re
from typing import Iterator, NamedTuple, Optional, Tuple

from ...facts import Distribution, Distributions, Facts, Project, Torch, Unknown
from ...model import ERROR, WARNING, Finding, Manual
from ...registry import Signature, check
from ...text import Text
from ..gpu._nvidia import numbers
from ._trio import release

EXPLAIN_ZH = """某个编译扩展是为另一个 torch 构建的。

## 检查什么
查看含有编译代码的包声明自己针对哪个 torch：版本号的本地部分（`+pt21cu121`、`+cu122torch2.4cxx11abifalse`）
或精确依赖（`torch==2.3.1`）。

## 为什么重要
导入扩展时会报 `undefined symbol: _ZN3c10…`，而且往往在模型代码深处才出现。

## 示例
`flash-attn 2.6.3+cu123torch2.4cxx11abifalse` 搭配 `torch==2.5.1`；固定了 `torch==2.3.1` 的 `xformers`。

## 修复
安装该包为当前 torch 提供的 wheel，或在当前 torch 下重新编译。
"""

#: These have checks of their own.
TRIO = ("torch", "torchvision", "torchaudio")

REBUILD = Text(
    "Install the {package} wheel that is made for torch {torch}, or build it again: "
    "pip install --no-build-isolation --force-reinstall --no-deps {package}",
    "安装为 torch {torch} 制作的 {package} wheel，或重新编译："
    "pip install --no-build-isolation --force-reinstall --no-deps {package}",
)


class Built(NamedTuple):
    """What a package says that it was built for; None where it does not say."""

    torch: Optional[str]
    cuda: Optional[str]
    source: str
    exact: bool


SIGNATURES = (
    Signature(
        r"(?P<path>[^\s'\":]{1,300}\.(?:so|pyd))\S{0,4} undefined symbol: "
        r"(?P<symbol>_ZN?K?\w*?(?:2at|3c10|5torch|4cuda|6caffe2|8nvjit|torch|c10)\w*)",
        unless=(),
    ),
    Signature(r"undefined symbol:? (?P<symbol>_ZN?K?(?:2at|3c10|5torch|4cuda|6caffe2)\w+)"),
    Signature(r"undefined symbol: (?P<symbol>_Z\w{4,300})", "medium"),
    Signature(r"undefined symbol: (?P<symbol>(?:aoti_torch|THP|c10_|torch_)\w+)", "high"),
    Signature(r"Symbol not found: _{1,2}(?P<symbol>ZN?K?\w{0,40}(?:2at|3c10|5torch)\w+)"),
    Signature(
        r"DLL load failed while importing (?P<module>_ext|_C|\w+_cuda|\w*flash_attn\w*|"
        r"xformers\w*): (?:The specified procedure could not be found|找不到指定的程序)",
        outranks=("windows-dll-load",),
    ),
    Signature(r"PyTorch and (?P<module>torch_\w+|torch-\w+) were compiled with different CUDA versions"),
    Signature(
        r"WinError 127\W.{0,300}(?P<module>torch_(?:scatter|sparse|cluster|spline_conv)|pyg_lib|"
        r"mmcv|xformers|flash_attn)",
        outranks=("windows-dll-load",),
    ),
    Signature(r"xFormers was built for", "medium", unless=(r"\+rocm\d",), warning=True),
    Signature(
        r"No module named '(?:mmcv\._ext|detectron2\._C|flash_attn(?:_2)?_cuda|selective_scan_cuda|causal_conv1d_cuda|"
        r"pointnet2_ops\._ext|MultiScaleDeformableAttention)'",
        "medium",
        outranks=("module-in-other-env", "old-repo-api"),
    ),
    # its compiled half did not register what the Python half calls; on a CPU or an AMD card also a fault of the code
    Signature(r"'_OpNamespace' '(?!torchvision|image)\w{1,40}' object has no attribute '(?P<symbol>\w+)'", "low"),
    Signature(
        r"Could not load any common_ops library",
        "medium",
        unless=(r"lib(?:nvrtc|cu[bdfrs]\w{2,10})\.so\S{0,8}: cannot open",),
    ),
    # DGL holds a library for each torch that it was built with
    Signature(r"Cannot find (?P<module>DGL) C\+\+ \w{2,20} library"),
    Signature(r"\b(?P<module>detectron2)(?:\._C {1,20}failed to import| is not built correctly)", "medium"),
    # Windows says so in a window
    Signature(
        r"procedure entry point \S{0,200}@(?:c10|at|torch)@@\S{0,200} could not be located",
        "medium",
        outranks=("windows-dll-load",),
    ),
    # the package is there, its compiled half is not or was made for another torch
    Signature(
        r"cannot import name '_C' from '(?P<module>(?!torch')\w{2,40})'",
        "medium",
        outranks=("old-repo-api", "module-in-other-env"),
    ),
    # Python 3.6 does not say from where
    Signature(
        r"from (?P<module>(?!torch\b)\w{2,40}) import _C\b.{0,20}\n.{0,40}ImportError: cannot import name '?_C'?"
        r"\s{0,4}$",
        "medium",
        outranks=("old-repo-api", "module-in-other-env"),
    ),
    Signature(
        r"No module named '(?:amp_C|apex_C|fused_layer_norm_cuda|scaled_\w{4,40}_softmax_cuda|fused_\w{4,40}_cuda|"
        r"syncbn|iou3d_nms_cuda|roiaware_pool3d_cuda|exllamav?2?_kernels|awq_inference_engine|awq_ext|quant_cuda)'",
        "medium",
        outranks=("module-in-other-env", "old-repo-api"),
    ),
    Signature(r"ModuleNotFoundError: No module named '(?P<module>(?!torch)\w{2,40})\._(?:C|ext)'", "low"),
    Signature(
        r"cannot import name '(?:\w+_ops|cuda_utils|\w+_C|\w+_cuda)' from partially initialized module '\w+'", "low"
    ),
    # GroundingDINO, Deformable DETR: the import of the compiled half failed before, and was only a warning
    Signature(
        r"NameError: name '(?:_C|MSDA)' is not defined",
        "medium",
        requires=(
            r"\b(?:_C|MSDA)\.\w{4,60}\(|Failed to load custom C\+\+ ops|ms_deform_attn|groundingdino|ops\.modules",
        ),
        outranks=("torch-broken", "old-repo-api"),
    ),
    Signature(r"\w+_impl: implementation for device cuda:\d not found", "medium"),
    Signature(r"RuntimeError: Not compiled with (?:GPU|CUDA) support", "medium"),
    Signature(
        r"libtorch_cuda_c(?:u|pp)\.so: cannot open shared object file|"
        r"libtorch\w*\.so: cannot open shared object file",
        "medium",
        unless=(r"torchaudio[/\\]lib", r"torch/lib/libtorch_global_deps"),
        outranks=("system-lib-missing",),
    ),
    Signature(
        r"libc10\w*\.so: cannot open shared object file",
        "medium",
        unless=(r"torchaudio[/\\]lib",),
        outranks=("system-lib-missing",),
    ),
    Signature(r"compiled with _GLIBCXX_USE_CXX11_ABI|cxx11 ?abi mismatch", "low"),
)


@check(
    code="extension-abi-mismatch",
    severity="error",
    summary=Text("A compiled extension was built for another torch", "某个编译扩展是为另一个 torch 构建的"),
    message=Text(
        "{package} {version} was built for torch {built_for}, but torch {torch} is installed.",
        "{package} {version} 是为 torch {built_for} 构建的，而安装的是 torch {torch}。",
    ),
    cause=Text(
        "Compiled extensions are bound to one release of torch; {package} will fail with “undefined symbol” or "
        "fall back.",
        "编译扩展绑定在某一个 torch 版本上，{package} 会报 “undefined symbol” 或退回慢速实现。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Distributions, Torch, Project),
    remedies=(),
    signatures=SIGNATURES,
)
def extension_abi_mismatch(facts: Facts, matrix) -> Iterator[Finding]:
    torch = facts.need(Torch)
    distributions = facts.need(Distributions)
    project = facts.maybe(Project)
    for item in distributions.items:
        if item.name in TRIO or item.editable or not item.version:
            continue
        built = built_for(item)
        if built is None:
            continue
        severity = _severity(built, torch)
        if severity is None:
            continue
        if project is not None and not _used(project, item.name):
            severity = WARNING
        yield Finding(
            params={
                "package": item.name,
                "version": item.version,
                "built_for": " ".join(part for part in (built.torch, built.cuda and "CUDA " + built.cuda) if part),
                "torch": torch.version,
            },
            evidence=("%s: %s" % (item.folder, built.source),),
            severity=severity,
            remedies=(Manual(REBUILD),),
        )


def built_for(item: Distribution) -> Optional[Built]:
    """Return the torch and CUDA that a compiled package names as its own, or None when it names none."""
    local = (item.version or "").partition("+")[2].lower()
    torch = re.search(r"(?:pt|torch)\.?(\d+(?:\.\d+)*)", local)
    if torch:
        cuda = re.search(r"cu(\d{2,3})(?!\d)", local)
        return Built(_dotted(torch.group(1)), _cuda(cuda.group(1)) if cuda else None, "+" + local, exact=False)
    if not compiled(item):
        return None
    for text in item.requires:
        pin = re.match(r"torch\s*\(?\s*==\s*(\d+(?:\.\d+)+)[^*;,\d]*\)?\s*(?:;|$)", text)
        if pin and "extra" not in text:
            return Built(pin.group(1), None, "Requires-Dist: " + text, exact=True)
    return None


def compiled(item: Distribution) -> bool:
    """Tell whether a wheel holds compiled code: its tags name a platform."""
    return any(not tag.endswith("-any") for tag in item.tags)


def _dotted(digits: str) -> str:
    """Return a torch version from a tag: 24 -> 2.4, 113 -> 1.13, 210 -> 2.10, 2.4 -> 2.4."""
    return digits if "." in digits else "%s.%s" % (digits[0], digits[1:] or "0")


def _cuda(digits: str) -> str:
    """Return a CUDA version from a tag: 118 -> 11.8, 92 -> 9.2, and 12 -> 12, which names the major version alone."""
    return digits if digits in ("10", "11", "12", "13", "14") else "%s.%s" % (digits[:-1], digits[-1])


def _severity(built: Built, torch: Torch) -> Optional[str]:
    if built.torch:
        wanted, have = numbers(built.torch), release(torch.version)
        if wanted[:2] != have[:2]:
            return ERROR
        if built.exact and wanted[:3] != have[: len(wanted)]:
            return WARNING  # another patch of the same release keeps the ABI as a rule
    if built.cuda and not isinstance(torch.cuda, Unknown):
        if torch.cuda is None or numbers(torch.cuda)[:1] != numbers(built.cuda)[:1]:
            return ERROR
    return None


def _used(project: Project, name: str) -> bool:
    modules: Tuple[str, ...] = (name.replace("-", "_"), name.replace("-", ""))
    return any(module in project.imports for module in modules) or any(
        item.name == name for item in project.requirements
    )
