"""torchaudio belongs to another torch, or to another build of it.

## What it checks
What torchaudio's metadata ask of torch, the matrix's pairs, and the CUDA builds of both.

## Why it matters
`import torchaudio` fails with `undefined symbol` or `OSError: libcudart.so.11.0`, although the project may only use it
by the way.

## Example
`torch==2.1.0+cu121` with `torchaudio==2.0.2`, which belongs to torch 2.0.1.

## Fix
Keeps torch and installs the torchaudio of its release and build.
"""

from typing import Iterator

from ...facts import Facts, Nvidia, Project, Torch, Torchaudio
from ...model import ERROR, WARNING, Finding, MendTorch
from ...registry import Signature, check
from ...text import Text
from ..gpu._nvidia import card_ready, project_needs
from ._trio import build_of, same_release, versions_fit, wanted

EXPLAIN_ZH = """torchaudio 与 torch 的版本或构建不配套。

## 检查什么
查看 torchaudio 的元数据对 torch 的要求、构建表里的配对，以及两者的 CUDA 构建。

## 为什么重要
`import torchaudio` 会报 `undefined symbol` 或 `OSError: libcudart.so.11.0`，即使项目只是顺带用到它。

## 示例
`torch==2.1.0+cu121` 搭配 `torchaudio==2.0.2`，后者属于 torch 2.0.1。

## 修复
保留 torch，安装与它同一发布、同一构建的 torchaudio。
"""

NO_PARTNER = Text(
    "Its compiled part was made for another torch or another CUDA; no torchaudio is known for this torch.",
    "它的编译部分是为另一个 torch 或另一个 CUDA 制作的；没有已知与这个 torch 配套的 torchaudio。",
)


SIGNATURES = (
    Signature(r"PyTorch and TorchAudio were compiled with different CUDA versions"),
    Signature(
        r"(?:torchaudio[/\\](?:lib[/\\])?(?:lib|_)torchaudio|_torch_sox)[\w.-]{0,60}\.(?:so|pyd|"
        r"dylib)\W.{0,80}(?:undefined symbol|WinError 127|Symbol not found|cannot open shared)",
        outranks=("extension-abi-mismatch", "windows-dll-load", "system-lib-missing", "cuda-libs-conflict"),
    ),
    Signature(
        r"(?:Symbol not found|undefined symbol): _?torch_library_impl",
        requires=(r"torchaudio",),
        outranks=("extension-abi-mismatch",),
    ),
    Signature(
        r"(?:WinError 12[67]|procedure could not be found|Could not (?:find module|"
        r"load this library)).{0,200}torchaudio(?:[/\\]|$)",
        outranks=("windows-dll-load",),
    ),
    Signature(
        r"OSError\W{1,3}WinError 127",
        "medium",
        requires=(r"torchaudio[/\\]_extension|_load_lib\(\S{1,4}torchaudio",),
        outranks=("windows-dll-load",),
    ),
    Signature(
        r"lib(?:torch_hip|torch_cuda|torch_cuda_cpp|torch_xpu|c10_cuda|c10_hip|cudart|"
        r"torch)\S{0,12}: cannot open shared object file",
        "high",
        requires=(r"torchaudio[/\\](?:_extension|extension|_internal|__init__)",),
        outranks=("extension-abi-mismatch", "rocm-issue", "system-lib-missing", "cuda-libs-conflict"),
    ),
    Signature(
        r"torchaudio (?P<torchaudio>\d[\w.+]+) (?:requires|"
        r"has requirement) torch==(?P<wanted>[\d.]+)\S{0,20}, but you(?:'ll)? have torch "
        r"(?P<torch>\d[\w.+]+)",
        "medium",
    ),
)


@check(
    code="torchaudio-mismatch",
    severity="error",
    summary=Text("torchaudio belongs to another torch", "torchaudio 与 torch 不配套"),
    message=Text(
        "torchaudio {torchaudio} does not fit torch {torch}.",
        "torchaudio {torchaudio} 与 torch {torch} 不配套。",
    ),
    cause=Text(
        "Its compiled part was made for another torch or another CUDA; the torchaudio for this torch is {wanted}.",
        "它的编译部分是为另一个 torch 或另一个 CUDA 制作的；与这个 torch 配套的 torchaudio 是 {wanted}。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Torch, Torchaudio, Project, Nvidia),
    remedies=(MendTorch(),),
    signatures=SIGNATURES,
)
def torchaudio_mismatch(facts: Facts, matrix) -> Iterator[Finding]:
    torch, audio = facts.need(Torch), facts.need(Torchaudio)
    torch_build, audio_build = build_of(torch.version, torch.cuda), build_of(audio.version, audio.cuda)
    evidence = ("torchaudio requires %s" % audio.requires_torch,) if audio.requires_torch else ()
    severity = None
    if versions_fit(audio, torch, matrix) is False:
        severity = WARNING if same_release(audio.requires_torch, torch.version) else ERROR
    elif torch_build and audio_build and torch_build != audio_build and not torch.rocm:
        # A CPU torchaudio works beside a CUDA torch, only without its few CUDA operators.
        severity = WARNING if audio_build == "cpu" else ERROR
    if severity is None:
        return
    listed = wanted(matrix, torch.version, "torchaudio")
    project = facts.maybe(Project)
    if project is not None and not project_needs(project, "torchaudio"):
        severity = WARNING  # installed beside torch by habit, used by nothing here
    yield Finding(
        params={
            "torch": torch.version,
            "torchaudio": audio.version,
            "torch_build": torch_build,
            "torchaudio_build": audio_build,
            "wanted": listed or "-",
        },
        evidence=evidence,
        severity=severity,
        cause=None if listed else NO_PARTNER,
        remedies=(MendTorch(cuda=bool(torch.cuda) and card_ready(facts)),),
    )
