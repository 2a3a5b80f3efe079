"""A module that the project needs is installed, but in another Python.

## What it checks
Looks whether the modules that the project imports are there for the target Python; for those that are not, whether
another Python on this machine has them: the system's, another virtual environment, conda, pyenv.

## Why it matters
`ModuleNotFoundError` although `pip install` said that everything is fine: pip, the editor and the terminal each used
another Python. Installing again with the same pip does not help.

## Example
On a Raspberry Pi `cv2` came from `apt install python3-opencv` into the system Python, onnxruntime from pip into a
virtual environment: neither Python has both.

## Fix
Install into the Python that runs the project, with its own pip: `PATH/python -m pip install …`. Modules that only apt
has (`picamera2`) are seen by an environment made with `--system-site-packages`.
"""

from typing import Iterator, Optional, Tuple

from doctor.checks.python._project import cure
from doctor.facts import Distributions, Facts, Interpreters, OtherPython, Project, Python
from doctor.model import ERROR, WARNING, Finding, Install, Manual
from doctor.modules import SYSTEM_ONLY, providers
from doctor.registry import Signature, check
from doctor.text import Text

EXPLAIN_ZH = """项目需要的模块装了，但装在另一个 Python 里。

## 检查什么
查看项目导入的模块在目标 Python 里有没有；没有的，再看本机的其他 Python（系统自带、其他虚拟环境、conda、pyenv）
里有没有。

## 为什么重要
明明 `pip install` 提示成功，却报 `ModuleNotFoundError`：pip、编辑器和终端用的不是同一个 Python。用同一个 pip
再装一次没有用。

## 示例
树莓派上 `cv2` 由 `apt install python3-opencv` 装进了系统 Python，onnxruntime 由 pip 装进了虚拟环境：两个 Python
都不完整。

## 修复
用运行项目的那个 Python 自己的 pip 来装：`PATH/python -m pip install …`。只有 apt 提供的模块（`picamera2`），可以用
`--system-site-packages` 创建的虚拟环境来使用。
"""


_INSTALLED = (
    r"already (?:been )?(?:installed|satisfied)|(?:have|has|is|was|did|been|'ve) (?:successfully )?installed|"
    r"[Dd]espite (?:having )?install|--system-site-packages|"
    r"installed (?:it|in|into|via|with|using)|pip3? (?:list|show|installing)|do(?:es)? get installed|"
    r"conda list|系统级|虚拟环境|已经?安装|安装了|安装好|装好了|装了|装在|已裝|明明|解释器|"
    r"インストール済|インストールした|설치|"
    r"\bI (?:\w{2,12} ){0,2}installed\b|"
    r"\bwork(?:s|ed|ing)? (?:\w{2,12} ){0,2}(?:fine|well|perfectly|without|in|from) |"
    r"(?:wrong|different|correct|right|same|another|other) .{0,20}\b(?:interpreter|environment|env|kernel|python)\b"
)
_PACKAGES = (
    r"(?:cv2|torch|torchvision|torchaudio|onnx|onnxruntime|ultralytics|yaml|PIL|matplotlib|"
    r"pandas|scipy|sklearn|skimage|tqdm|seaborn|requests|"
    r"tensorflow|tensorboard|keras|transformers|accelerate|datasets|peft|timm|einops|wandb|"
    r"thop|pycocotools|psutil|openvino|tensorrt|ncnn|mmcv|mmdet|"
    r"mmengine|detectron2|albumentations|imageio|h5py|numba|gradio|flask|fastapi|PyQt5|"
    r"PySide6|cython|Cython|bitsandbytes|xformers|flash_attn|deepspeed|"
    r"lightning|pytorch_lightning|diffusers|safetensors|sentencepiece|tokenizers|"
    r"huggingface_hub|triton|vllm|einops|omegaconf|hydra|loguru|rich|lap|lapx|"
    r"google|packaging|setuptools|pip|wheel|jupyter\w{0,12}|ipykernel|notebook|coremltools|tflite_runtime|"
    r"paddle|paddleocr|easyocr|labelImg|labelme|picamera2?|libcamera|pykms|RPi|gpiozero|serial|smbus2?)"
)  #: pip builds a package where it sees none of what is installed
ISOLATED = Text(
    en="pip builds the package in an isolated environment of its own, which has no {module}.",
    zh="pip 在它自己的隔离环境里编译这个包，那里没有 {module}。",
)
BUILD_HERE = Manual(
    Text(
        en="Install {module} into the target first, then the package with `--no-build-isolation`.",
        zh="先把 {module} 装进目标环境，再用 `pip install --no-build-isolation` 安装这个包。",
    )
)
SIGNATURES = (
    Signature(
        r"Requirement already satisfied: (?P<module>[\w-]{2,40})\b(?:.{0,300}\n){1,200}?.{0,200}No"
        r" module named '?(?P=module)\b"
    ),
    Signature(
        r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>" + _PACKAGES + r")\b(?!\.)",
        "medium",
        requires=(_INSTALLED,),
        unless=(r"Getting requirements to build wheel|build_wheel|pip-build-env|Building wheel for",),
    ),
    Signature(r"are you sure you are running (?:that|this|it) under the same python installation", "medium"),
    # told in words, without the traceback
    Signature(
        r"^(?!.{0,200}(?:warning|skipp|optional)).{0,200}(?<!Error: )No module (?:named?|called) ['\"`]?(?P<module>"
        + _PACKAGES
        + r")\b(?!\.)",
        "medium",
        requires=(_INSTALLED,),
        unless=(r"Getting requirements to build wheel|build_wheel|pip-build-env|Building wheel for",),
    ),
    # pip builds in an environment of its own, which does not see the torch that is installed
    Signature(
        r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>torch|numpy|packaging|wheel|psutil|Cython)"
        r"\b(?!\.)",
        "medium",
        requires=(r"get_requires_for_build|Getting requirements to build|pip-build-env|build_meta\.py|build backend",),
        outranks=("numpy-missing",),
        cause=ISOLATED,
        remedies=(BUILD_HERE,),
    ),
    # the package's own words for the same
    Signature(
        r"(?P<module>torch) is required for (?:pre-)?(?:compil|build)\w{3,4} .{0,30}install it first",
        "medium",
        cause=ISOLATED,
        remedies=(BUILD_HERE,),
    ),
    Signature(r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>" + _PACKAGES + r")\b(?!\.)", "low"),
    Signature(r"python\S{0,12}: No module named (?P<module>[\w.]{2,40})", "low"),
    # a package that is not in the list, or a folder of the project: which of them, the text does not say
    Signature(
        r"(?:ModuleNotFoundError|ImportError): No module named '?(?P<module>[a-z]\w{3,40})'?$",
        "low",
        requires=(_INSTALLED,),
        unless=(r"No module named '?(?:utils|models|config|data|src|lib|common|core|test)",),
    ),
    # told in words
    Signature(
        r"pip3? (?:installs?|installed|points?|belongs?|is|on) (?:\w{2,8} ){0,3}(?:system|different|other|wrong|"
        r"another|global) ?python|"
        r"pip3? installs? (?:in)?to python.{0,40}but python",
        "low",
    ),
    Signature(
        r"module not found error|module[- ]not[- ]found",
        "low",
        requires=(_INSTALLED,),
        unless=(r"ModuleNotFoundError: ",),
    ),
)


@check(
    code="module-in-other-env",
    severity=ERROR,
    summary=Text(
        en="A module that the project needs is installed in another Python.",
        zh="项目需要的模块装在另一个 Python 里。",
    ),
    message=Text(
        en="{module} is not installed for {python}, but {other} has it.",
        zh="{python} 里没有 {module}，而 {other} 里有。",
    ),
    cause=Text(
        en=(
            "The project imports {module} ({where}). It was installed into {other} ({kind}, Python {version}), "
            "which the target does not see."
        ),
        zh="项目要导入 {module}（{where}）。它装在 {other}（{kind}，Python {version}）里，目标 Python 看不到。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Interpreters, Project, Python, Distributions),
    signatures=SIGNATURES,
)
def module_in_other_env(facts: Facts, matrix) -> Iterator[Finding]:
    interpreters, project = facts.need(Interpreters), facts.need(Project)
    python, distributions = facts.need(Python), facts.need(Distributions)
    required = {requirement.name for requirement in project.requirements if not requirement.optional}
    optional = {requirement.name for requirement in project.requirements} - required
    for module, where in sorted(project.imports.items()):
        provided_by = providers(module)
        if module in interpreters.target or any(distributions.find(name) for name in provided_by):
            continue
        named = bool(required & set(provided_by))
        if not named and (module in project.lazy or optional & set(provided_by)):
            continue  # the program can do without it: a late import, a tool of its tests
        other = _holder(interpreters, module, python)
        if other is None:
            continue
        near = not required and where.file.count("/") < 2
        needed = module not in project.lazy and (named or near)
        yield Finding(
            params={
                "module": module,
                "python": python.executable,
                "other": other.executable,
                "version": other.version,
                "module_version": other.modules[module],
                "kind": other.kind,
                "where": "%s:%d" % (where.file, where.line),
                "project": project.root,
            },
            evidence=(str(where), "%s: %s %s" % (other.executable, module, other.modules[module])),
            # an import that no requirement names, or deep in a tree, may stand in a file that nobody runs
            severity=ERROR if needed and project.chosen else WARNING,
            remedies=cure(project, _remedy(module, provided_by)),
        )


def _holder(interpreters: Interpreters, module: str, python: Python) -> Optional[OtherPython]:
    """Return the Python that holds the module: one of the same version first, as they were found."""
    holders = [item for item in interpreters.items if module in item.modules]
    same = [item for item in holders if item.version.split(".")[:2] == python.version.split(".")[:2]]
    return next(iter(same or holders), None)


def _remedy(module: str, provided_by: Tuple[str, ...]):
    if module in SYSTEM_ONLY:
        return Manual(
            Text(
                en="Only apt has {module}: make the environment with `{other} -m venv --system-site-packages ~/ml`.",
                zh="{module} 只有 apt 提供：请用 `{other} -m venv --system-site-packages ~/ml` 创建虚拟环境。",
            )
        )
    return Install(provided_by[0])
