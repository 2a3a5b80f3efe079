"""The installed torch is a CPU build, although an NVIDIA GPU is ready.

## What it checks
A card with a working driver beside a torch that was built without CUDA.

## Why it matters
Training runs on the CPU, ten to a hundred times slower, without any error: `GPU_mem` stays at `0G`.

## Example
`torch==2.1.0+cpu` on Windows with a GeForce RTX 3060: a plain `pip install torch` gives a CPU build there.

## Fix
Installs builds with CUDA that fit driver and card, torchvision and torchaudio with it.
"""

from typing import Iterator

from ...facts import Facts, Host, Nvidia, Torch, Trials
from ...model import ERROR, NOTE, Finding, MendTorch
from ...registry import Signature, check
from ...text import Text
from ..gpu._nvidia import OLDEST_CAPABILITY, answers, capability_of, card_names, known, numbers, source_evidence
from ._trio import build_of

EXPLAIN_ZH = """显卡可用，但安装的 torch 是 CPU 构建。

## 检查什么
显卡及其驱动工作正常，而 torch 构建时没有启用 CUDA。

## 为什么重要
训练在 CPU 上进行，慢十到百倍，而且没有任何报错：`GPU_mem` 一直是 `0G`。

## 示例
Windows 上有 GeForce RTX 3060，却装了 `torch==2.1.0+cpu`：在 Windows 上直接 `pip install torch` 得到的就是 CPU 构建。

## 修复
安装适合驱动和显卡的 CUDA 构建，torchvision 和 torchaudio 一并更换。
"""


#: a text about an NVIDIA card that is not used
_UNUSED = (
    r"(?:GPU|CUDA|显卡).{0,40}(?:not |n't |no |不|未|没).{0,20}(?:detect|used|found|work|"
    r"recogni|available|可用|检测|使用|用上)|is_available\(\).{0,20}False|"
    r"\b(?:GPU|CUDA)(?: device)? (?:is )?unavailable|"
    r"(?:not|n't|unable to) (?:\w+ ){0,2}(?:us|run|detect|find|recogni|train)\w* (?:\w+ ){0,2}(?:GPU|CUDA)\b|"
    r"instead of (?:the |my |a )?GPU",
    r"\b[RG]TX ?\d{3,4}|GeForce|Tesla [A-Z]\d|Quadro|nvidia-smi|NVIDIA \(R\) Cuda compiler|CUDA Version: ?\d|"
    r"\bmy (?:\w+ ){0,2}GPU\b|我的(?:显卡|GPU)",
)
_OTHER_ERROR = r"^[\w.]{0,60}(?:Error|Exception): (?!.{0,80}(?:CUDA|cuda|GPU))"
SIGNATURES = (
    Signature(r"Torch not compiled with CUDA enabled"),
    Signature(r"PyTorch is not linked with support for cuda devices"),
    Signature(
        r"was built for: PyTorch [\d.]+\S{0,12} (?:with CUDA \d+ )?\(you have (?P<torch>[\d.]+\+cpu)\)",
        outranks=("extension-abi-mismatch",),
    ),
    Signature(r"Could not run 'aten::\w+(?:\.\w+)?' with arguments from the 'CUDA' backend"),
    Signature(
        r"(?:Invalid CUDA \W{0,3}device|CUDA unavailable, invalid device)",
        "high",
        requires=(r"torch[-= ]v?\d[\d.]+\+cpu",),
        outranks=("driver-missing", "mps-issue"),
    ),
    Signature(
        r"(?:Invalid CUDA \W{0,3}device|CUDA unavailable, invalid device)",
        "medium",
        unless=(r"torch[-= ]v?\d[\d.]+\+(?:cpu|cu\d)", r"/Users/|macOS|darwin|Apple M\d|MPS|CUDA_VISIBLE_DEVICES=\d"),
    ),
    Signature(
        r"(?:Invalid CUDA \W{0,3}device|CUDA unavailable, invalid device)",
        "low",
        requires=(r"torch[-= ]v?\d[\d.]+\+cu\d",),
    ),
    Signature(
        r"module 'torch\._C' has no attribute '_cuda_\w+'|type object 'torch\._C\.\w+' has no attribute '_cuda",
        "medium",
        outranks=("torch-broken",),
    ),
    Signature(r"Torch is not able to use GPU; add --skip-torch-cuda-test", "medium"),
    Signature(
        r"(?:Epoch|epoch) +gpu_mem[^\n]{0,200}\n+[^\n]{0,20}?\b\d+/\d+ +0G\b",
        "low",
        unless=(r"torch[- ]\d[\d.]+\+cu\d",),  # a banner that names a build for CUDA: this machine has no card for it
    ),
    Signature(r"Attempting to deserialize object on a CUDA device but torch\.cuda\.is_available\(\) is False", "low"),
    # the run asks for card 0 and its banner names a CPU build
    Signature(
        r"torch-\d[\d.]+\+cpu\b",
        "medium",
        requires=(r"(?:--device[ =]|\bdevice=)'?(?:cuda:)?\d\b",),
        unless=(r"torch-\d[\d.]+\S{0,12} CUDA:\d",),
    ),
    Signature(
        r"torch[-= ]{1,3}v?\d[\d.]+\+cpu",
        "medium",
        requires=_UNUSED,
        unless=(_OTHER_ERROR,),
    ),
    Signature(r"PyTorch version: v?\d[\d.]+\+cpu", "low", requires=_UNUSED, unless=(_OTHER_ERROR,)),
    Signature(
        r"\bcuda\.is_available\(\)\W{0,8}(?:still |always |also )?"
        r"(?:return(?:s|ed|ing)?|is|was|gives?|shows?|prints?|=|返回|为|输出|->|:)?\W{0,4}False",
        "low",
    ),
    # told in words
    Signature(r"\bCPU instead of (?:the |my |a )?GPU", "low"),
    Signature(
        r"--(?:extra-)?index-url https://download\.pytorch\.org/whl/cpu\b",
        "medium",
        requires=_UNUSED[:1],
        unless=(_OTHER_ERROR,),
    ),
    # NVIDIA's boards need NVIDIA's own wheels
    Signature(r"Is CUDA available: False", "low", requires=(r"\btegra\b|\bnvgpu\b|Jetson|\bL4T\b",)),
    Signature(r"\"(?:slow_conv2d_cpu|LayerNormKernelImpl|addmm_impl_cpu_)\" not implemented for 'Half'", "low"),
    Signature(r"compiled without (?:GPU|CUDA) support", "low", warning=True),
    Signature(
        r"Uninstalling torch-[\d.]+\+cu\d+[^\n]{0,40}\n(?:[^\n]{0,300}\n){0,40}?[^\n]{0,40}Success"
        r"fully installed [^\n]{0,2000}torch-[\d.]+\+cpu",
        "medium",
    ),
)


@check(
    code="torch-cpu-build",
    severity="error",
    summary=Text("torch is a CPU build although a GPU is ready", "显卡可用，但 torch 是 CPU 构建"),
    message=Text(
        "torch {torch} is a CPU build; {gpu} stays unused.",
        "torch {torch} 是 CPU 构建，{gpu} 没有被使用。",
    ),
    cause=Text(
        "The card and its driver ({driver}) work, but this torch was built without CUDA.",
        "显卡和驱动（{driver}）工作正常，但这个 torch 构建时没有启用 CUDA。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Nvidia, Torch, Trials, Host),
    remedies=(MendTorch(cuda=True),),
    signatures=SIGNATURES,
)
def torch_cpu_build(facts: Facts, matrix) -> Iterator[Finding]:
    nvidia = facts.need(Nvidia)
    torch = facts.need(Torch)
    if known(torch.cuda, "torch") is not None or torch.rocm or not answers(nvidia):
        return
    if build_of(torch.version, torch.cuda) != "cpu":
        return  # built for another kind of accelerator
    trials = facts.maybe(Trials)
    stage = trials.stage("cuda-kernel") if trials is not None else None
    if stage is not None and stage.status == "ok":
        return
    capabilities = [capability_of(gpu, matrix) for gpu in nvidia.gpus]
    usable = any(item is None or numbers(item) >= OLDEST_CAPABILITY for item in capabilities)
    yield Finding(
        params={
            "torch": torch.version,
            "gpu": card_names(list(nvidia.gpus)),
            "driver": nvidia.driver or (nvidia.cuda and "CUDA %s" % nvidia.cuda) or "-",
            "compute_capability": capabilities[0],
        },
        evidence=source_evidence(nvidia),
        # no torch since 1.7 has code for a card this old: the CPU build is the right one
        severity=ERROR if usable else NOTE,
        remedies=(MendTorch(cuda=True),) if usable else (),
    )
