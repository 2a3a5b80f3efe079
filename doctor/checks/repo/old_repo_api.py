"""The project uses names that an installed library, or this Python, no longer has.

## What it checks
Reads the project's source through the syntax tree and looks for names that libraries have removed: `torch._six`,
Pillow's `Image.ANTIALIAS` and `font.getsize`, `pkg_resources`, moved names of scipy, scikit-learn, scikit-image,
pandas, networkx and onnx, modules that Python itself dropped (`distutils`, `imp`), and protobuf code generated for
protobuf 3. In C++ and CUDA sources of a project that compiles them for torch: `THC` headers and `AT_CHECK`. Only what
is gone from the *installed* version counts; uses behind `hasattr`, a version test or `try`
are left alone.

## Why it matters
A repository that worked in its year stops with `No module named 'torch._six'` or `module 'PIL.Image' has no attribute
'ANTIALIAS'`. The environment is not broken; the source is older than its libraries.

## Example
`font.getsize(label)` in `utils/plots.py` of a YOLO repository, with Pillow 10.4.0 installed.

## Fix
Rewrites the names that have an exact successor (`doctor fix --apply --source`); for the others the report names
what to write. The other way: the last release of the library that still has the name, where nothing else forbids
it.
"""

from typing import Any, Dict, Iterator, List, Optional, Tuple

from ...apis import Gone, gone
from ...demands import below
from ...facts import ApiUse, Distributions, Facts, Project, Python
from ...model import ERROR, WARNING, Edit, Finding, Install, Manual, Rewrite
from ...record import replace
from ...registry import Signature, check
from ...text import Text

EXPLAIN_ZH = """项目用到了已安装的库（或当前 Python）已经没有的名字。

## 检查什么
用语法树读取项目源码，查找各个库已经删除的名字：`torch._six`，Pillow 的 `Image.ANTIALIAS` 和 `font.getsize`，
`pkg_resources`，scipy、scikit-learn、 scikit-image、pandas、networkx、onnx 中移走的名字，Python 自己删除的模块（
`distutils`、`imp`），以及为 protobuf 3 生成的代码。项目为 torch 编译扩展时，还会查 C++ 和 CUDA 源码里的 `THC` 头文件和
`AT_CHECK`。只报告*已安装*版本里确实没有的；放在 `hasattr`、版本判断或 `try`
里的写法不算。

## 为什么重要
当年能跑的仓库，现在会报 `No module named 'torch._six'` 或 `module 'PIL.Image' has no attribute 'ANTIALIAS'`。
环境没有坏，是源码比库旧。

## 示例
YOLO 仓库 `utils/plots.py` 里的 `font.getsize(label)`，而安装的是 Pillow 10.4.0。

## 修复
有等价名字的直接改写（`doctor fix --apply --source`），其余的报告会写明该改成什么。另一条路是装回还保留该名字的最后
一个版本，前提是没有别的包反对。
"""

REWRITE = Text("Replace the removed names in the source: {names}.", "替换源码中已删除的名字：{names}。")
DOES_NOT_COMPILE = Text(
    "{names} went in {library} {removed_in}; {version} is installed, so these files do not compile against it.",
    "{names} 在 {library} {removed_in} 中被删除，而当前是 {version}，这些文件无法编译。",
)
BY_HAND = Text("Change by hand: {by_hand}.", "手动修改：{by_hand}。")
PROTOBUF = Text(
    "Generate the *_pb2.py files again with a current protoc; or install protobuf below 3.21, where nothing needs a "
    "newer one.",
    "用新版 protoc 重新生成 *_pb2.py；如果没有别的包需要新版，也可以安装 3.21 以下的 protobuf。",
)
#: protobuf refuses code that protoc before 3.19 generated, from this release on
PROTOBUF_STRICT = "4.21.0"


_LIBRARIES = (
    r"(?:PIL|scipy|sklearn|pandas|networkx|tensorflow|keras|transformers|diffusers|peft|"
    r"accelerate|datasets|timm|gym|gymnasium|mmcv|mmdet|mmengine|mmseg|torchvision|torchtext|"
    r"torchaudio|matplotlib|seaborn|skimage|imageio|albumentations|librosa|moviepy|onnx|"
    r"supervision|ultralytics|pytorch_lightning|lightning|lightning_fabric|huggingface_hub|"
    r"setuptools|pkg_resources|distutils|jinja2|markupsafe|werkzeug|flask|google|protobuf|"
    r"streamlit|gradio|langchain|openai|pydantic|shapely|fvcore|detectron2|wandb|omegaconf|"
    r"hydra|pytorch3d|kornia|torchmetrics|ignite|fairseq|sentence_transformers|tokenizers|"
    r"numba|jax|flax|haiku|chex|optax|tensorboard|tensorboardX|cupy|dgl|torch_geometric|spacy|"
    r"gensim|nltk|boto3|requests|urllib3|attr|click|yaml|ray|sympy|xformers|trl|"
    r"bitsandbytes|deepspeed|apex)"
)
#: a dump's own questions, which old releases of a library do not answer
_ASKED = r"(?!__version(?:_tuple)?__)"
#: sglang tries every model and goes on
_IGNORED = r"Ignore import error when loading"
SIGNATURES = (
    Signature(
        r"torch\._six|cannot import name '(?P<name>container_abcs|string_classes|int_classes)'",
        outranks=("module-in-other-env", "torch-broken"),
    ),
    Signature(
        r"'(?:FreeTypeFont|ImageFont|TransposedFont)' object has no attribute '(?P<name>getsize|"
        r"getoffset|getsize_multiline)'|'ImageDraw' object has no attribute '(?P<draw>textsize|"
        r"multiline_textsize)'"
    ),
    Signature(
        r"(?:ModuleNotFoundError|ImportError): No module named '?pkg_resources", outranks=("module-in-other-env",)
    ),
    Signature(
        r"Descriptors cannot (?:not )?be created directly|"
        r"Descriptors should not be created directly|cannot import name '(?P<name>builder|"
        r"runtime_version|service|symbol_database)' from 'google\.protobuf|"
        r"'?MessageFactory'? object has no attribute 'GetPrototype'"
    ),
    Signature(
        r"'Namespace' object has no attribute '(?P<name>ncnn|onnx|include|grid|end2end|export_nms|"
        r"concat|evolve|bucket|image_weights|quad|linear_lr|sync_bn|"
        r"local_rank|global_rank|world_size|upload_dataset|bbox_interval|save_period|"
        r"artifact_alias|freeze|v5_metric|noautoanchor|multi_scale|single_cls|"
        r"conf_thres|iou_thres|agnostic_nms|augment|half|dnn|vid_stride|line_thickness|hide_labels|hide_conf)'",
        "medium",
    ),
    Signature(r"'Namespace' object has no attribute '(?P<name>\w+)'", "low"),
    Signature(r"not enough values to unpack \(expected 3, got 2\)", "low"),
    Signature(
        r"No module named '(?P<module>torchvision\.transforms\.functional_tensor|"
        r"torchvision\.models\.utils|torchtext\.legacy\S{0,30}|sklearn\.externals\S{0,30}|"
        r"scipy\.misc\.\w+|"
        r"tensorflow\.contrib\S{0,30}|mmcv\.(?:runner|parallel|utils|cnn|ops\.\w+)|mmdet\.core|"
        r"ultralytics\.yolo\S{0,40}|ultralytics\.nn\.modules\.\w+|ultralytics\.utils\S{0,40}|"
        r"pytorch_lightning\.\S{3,60}|"
        r"torch\.utils\.serialization|torch\.nn\.\w+|torch\.onnx\.\w+|torch\.legacy|"
        r"torch\.distributed\.\S{2,40}|keras\.\w+\S{0,40}|transformers\.\S{3,60}|"
        r"datasets\.\S{3,40}|huggingface_hub\.\S{3,40}|"
        r"torch\.optim\.\w+|langchain\.\w+|openai\.\S{3,30}|moviepy\.editor|"
        r"google\.protobuf\S{0,30}|setuptools\.\S{3,40}|numpy\.distutils\S{0,20}|"
        r"numpy\.testing\.\w+|pandas\.\S{4,40}|jax\.\S{3,40}|PIL\.\w+|gym\.\S{3,30}|"
        r"skimage\.\S{3,40}|"
        r"torch\._\w+|diffusers\.\S{3,60}|peft\.\S{3,40}|accelerate\.\S{3,40}|timm\.\S{3,40}|"
        r"pydantic\.\S{3,40}|tensorflow\.\S{3,60})'",
        "high",
        unless=(r"torch\._C'", _IGNORED),
        outranks=("module-in-other-env",),
    ),
    Signature(r"No module named 'tensorflow\.(?:contrib|examples)", outranks=("module-in-other-env",)),
    Signature(
        r"cannot import name '"
        + _ASKED
        + r"(?P<name>\w+)' from '(?P<module>"
        + _LIBRARIES
        + r"(?:\.\w+)*)' \((?!.{0,300}circular import)(?P<path>[^)\n]{3,300})\)",
        unless=(r"most likely due to a circular import", r"\(unknown location\)", _IGNORED),
    ),
    Signature(
        r"cannot import name '(?P<name>\w+)' from '(?P<module>torch\.(?:optim\.lr_scheduler|"
        r"utils\.data\.dataloader|autograd\.\w+|hub|onnx\S{0,30}|nn\.\S{2,40}|distributed\S{0,40}|"
        r"utils\S{0,40}|_\w+))'",
        "high",
    ),
    Signature(
        r"module '(?P<module>" + _LIBRARIES + r"(?:\.\w+)*)' has no attribute '" + _ASKED + r"(?P<name>\w+)'",
        "high",
        unless=(r"most likely due to a circular import",),
    ),
    # these change with every release: as often a half of an installation, or a name that is not there yet
    Signature(
        r"module '(?P<module>(?:triton|vllm)(?:\.\w+)*)' has no attribute '"
        + _ASKED
        + r"(?P<name>\w+)'|cannot import name '"
        + _ASKED
        + r"(?P<import>\w+)' from '(?:triton|vllm)(?:\.\w+)*' \((?!unknown)",
        "low",
        unless=(r"most likely due to a circular import",),
    ),
    Signature(
        r"module 'torch' has no attribute '(?P<name>_six|solve|symeig|lstsq|gels|qr|eig|rfft|"
        r"irfft|ifft|ger_|_C_new|matrix_rank|chain_matmul|potrf|trtrs|gesv|_utils_internal)'|"
        r"module 'torch\.nn' has no attribute '(?P<nn>backends)'|"
        r"module 'torch\.utils' has no attribute '(?P<utils>ffi)'|"
        r"module 'torch\.distributed' has no attribute '(?P<group>deprecated|reduce_op)'"
    ),
    Signature(
        r"'(?:DataFrame|Series)' object has no attribute '(?P<name>append|ix|as_matrix|iteritems|"
        r"to_panel|mad|get_value|set_value|lookup|swaplevel_)'|"
        r"module 'pandas' has no attribute '(?P<gone>Panel|Float64Index|Int64Index)'"
    ),
    Signature(
        r"Trainer(?:\.__init__\(\))? got an unexpected keyword argument '(?P<name>gpus|"
        r"evaluation_strategy|tokenizer|auto_select_gpus|progress_bar_refresh_rate|"
        r"resume_from_checkpoint|checkpoint_callback|weights_summary)'"
    ),
    Signature(
        r"(?:TrainingArguments|SFTTrainer|DPOTrainer|SFTConfig|PPOTrainer|PPOConfig|GRPOTrainer|"
        r"LlamaConfig|LoraConfig)(?:\.__init__\(\))? got an unexpected keyword argument "
        r"'(?P<name>\w+)'",
        "high",
    ),
    Signature(
        r"'(?:DynamicCache|StaticCache|HybridCache)' object (?:has no attribute '(?P<name>\w+)'|is not subscriptable)"
    ),
    # the program looks at the version of a library itself and says so
    Signature(
        r"(?P<module>\w{2,30})==(?P<found>[\w.]+) is used but incompatible\. Please install|"
        r"(?P<wanted>[\w-]{2,40}[<>=!~]=?[\w.,<>=!~]{1,30}) is required for a normal functioning of this module, "
        r"but found|"
        r"requires `(?P<needed>[\w-]{2,40}[<>=!~]=?[\w.,<>=!~]{1,30})`: [Pp]lease run `?pip install|"
        r"(?:Contextual)?VersionConflict: \((?P<installed>[\w-]{2,40} [\w.]+) ",
        "medium",
        cause=Text(
            en="The program and one of its libraries do not fit together; the message names their versions.",
            zh="程序与它用到的某个库版本不匹配；报错里写明了是哪个。",
        ),
    ),
    # transformers' Trainer hands Accelerator an argument that this accelerate does not know (yet, or any more).
    Signature(
        r"Accelerator\.\w+\(\) got an unexpected keyword argument '(?P<name>\w+)'|"
        r"got an unexpected keyword argument '(?P<option>dispatch_batches|split_batches|"
        r"even_batches|use_seedable_sampler|keep_torch_compile|keep_fp32_wrapper)'",
        "high",
    ),
    Signature(
        r"__init__\(\) got an unexpected keyword argument '(?P<name>gpus|evaluation_strategy|"
        r"auto_select_gpus|progress_bar_refresh_rate|weights_summary|checkpoint_callback|"
        r"max_nb_epochs|distributed_backend|proxies)'",
        "high",
    ),
    Signature(
        r"load\(\) missing 1 required positional argument: 'Loader'|"
        r"mel\(\) takes 0 positional arguments|(?:resample|melspectrogram|"
        r"stft)\(\) takes 1 positional argument but|gca\(\) got an unexpected keyword argument "
        r"'projection'"
    ),
    Signature(
        r"`(?P<name>\w+)` has been removed (?:from scikit-learn|in SciPy)|(?:has been|"
        r"was) removed (?:in|from) (?:Pillow|SciPy|pandas|scikit-learn|NetworkX|Matplotlib|"
        r"transformers|Keras|OpenAI|openai)"
    ),
    Signature(
        r"Can'?t get attribute '(?P<name>\w+)' on <module '(?P<module>(?:models|ultralytics|utils|"
        r"yolo|__main__)[\w.]*)'",
        "high",
        unless=(r"<module '__main__'",),
    ),
    Signature(
        r"'(?P<object>Detect|Conv|C3|C2f|Model|DetectionModel|Segment|SPPF|Bottleneck|IDetect|"
        r"AAttn|Attention|BaseModel|DFL|C3k2)' object has no attribute '(?P<name>\w+)'",
        "medium",
        requires=(r"yolo|ultralytics|models[/\\.]",),
    ),
    Signature(
        r"originally trained with https://github\.com/ultralytics/yolov5|This model is NOT forwards compatible with"
    ),
    Signature(r"module 'distutils' has no attribute 'version'|use_2to3 is invalid"),
    Signature(r"module 'cv2(?:\.cv2)?' has no attribute '(?P<name>cv|CV_\w+|cvCreate\w+|LoadImage)'"),
    Signature(
        r"You tried to access openai\.\w+, but this is no longer supported|tf\.\w+ is (?:removed|"
        r"not available) in TensorFlow 2|Keras 3 (?:only supports|does not support)",
        "high",
    ),
    # any installed package that lacks a name which the code, or another package, wants of it
    Signature(
        r"cannot import name '(?P<name>\w{2,60})' from '(?P<module>(?!torch\._C|numpy\b|typing)[\w.]{2,80})' "
        r"\(\S[^)\n]{0,300}(?:site|dist)-packages[/\\]",
        "medium",
        unless=(r"most likely due to a circular import", _IGNORED),
    ),
    # headers that torch had until 1.10
    Signature(r"THC/(?P<name>THC\w{0,30}\.(?:h|cuh|hpp)): No such file|Cannot open include file: 'THC/THC"),
    Signature(r"This function was deprecated since version [\d.]+ and is now removed"),
    Signature(r"PydanticImportError(?:: `(?P<name>\w+)`)?|\bExpiredDeprecationError: (?P<expired>\w+)"),
    Signature(r"numpy\.distutils is deprecated since NumPy 1\.23", "low", warning=True),
    # told in words
    Signature(
        r"(?P<gone>ANTIALIAS|textsize|getsize|torch\._six|pkg_resources|load_all_of) .{0,30}(?:removed|no longer|"
        r"missing since|deprecated)",
        "low",
    ),
    Signature(r"PIL\.Image\W{0,2} (?:has no attribute|no longer has) \W{0,2}(?P<lost>[A-Z]{4,12})\b"),
    Signature(r"Image\.(?P<constant>LINEAR|ANTIALIAS|CUBIC)\b.{0,40}(?:no longer|removed|deprecated)", "low"),
)


@check(
    code="old-repo-api",
    severity=ERROR,
    summary=Text(
        "The project uses names that an installed library no longer has.",
        "项目用到了已安装的库中已经没有的名字。",
    ),
    message=Text(
        "{library} {version} no longer has {names}, which the project uses (places: {count}).",
        "{library} {version} 已经没有 {names}，而项目中有 {count} 处用到。",
    ),
    cause=Text(
        "{names} went in {library} {removed_in}; {version} is installed, so these lines raise an error when they run.",
        "{names} 在 {library} {removed_in} 中被删除，而当前是 {version}，运行到这些行会报错。",
    ),
    explain_zh=EXPLAIN_ZH,
    needs=(Project, Distributions, Python),
    signatures=SIGNATURES,
)
def old_repo_api(facts: Facts, matrix) -> Iterator[Finding]:
    project = facts.need(Project)
    grouped: Dict[Tuple[str, bool], List[Tuple[ApiUse, str, Gone]]] = {}
    for use in project.uses:
        if "guard" in use.detail:
            continue
        row = _gone_here(facts, use)
        if row is not None:
            grouped.setdefault((row[1].distribution, "native" in use.detail), []).append((use,) + row)
    for library, native in sorted(grouped):
        uses = grouped[library, native]
        rewritten = [item for item in uses if _edits([item])]
        lines = {(item[0].where.file, item[0].where.line) for item in rewritten if "module" in item[0].detail}
        # the other names of an import line that is moved as a whole
        along = [item for item in uses if (item[0].where.file, item[0].where.line) in lines]
        rewritten += [item for item in along if item not in rewritten]
        rest = [item for item in uses if item not in rewritten]
        # two findings, because a rewrite cures only one of them
        for found in (rewritten, rest):
            if found:
                finding = _finding(facts, project, library, found)
                yield replace(finding, cause=DOES_NOT_COMPILE) if native else finding


def _gone_here(facts: Facts, use: ApiUse) -> Optional[Tuple[str, Gone]]:
    """Return the row of a name that the installed library does not have; None when it is there or nobody knows."""
    if use.name == "google.protobuf.generated":
        row = ("*_pb2.py", Gone("protobuf", PROTOBUF_STRICT, "protoc >= 3.19"))
    else:
        found = gone(use.name)
        if found is None:
            return None
        row = found
    name, fact = row
    version = _version(facts, fact.distribution)
    if version is None and name.startswith("pkg_resources"):
        return row  # new environments come without setuptools
    if version is None or below(version, fact.removed_in):
        return None
    if name == "distutils" and facts.need(Distributions).find("setuptools") is not None:
        return None  # setuptools puts its own copy in place
    if fact.distribution == "python" and _backport(facts, name):
        return None
    return row


def _backport(facts: Facts, name: str) -> bool:
    """Tell whether a package on the index brings the dropped module back under its old name."""
    distributions = facts.need(Distributions)
    return any(
        distributions.find(one % name) is not None for one in ("standard-%s", "%s-lts", "legacy-%s", "zombie-%s")
    )


def _version(facts: Facts, distribution: str) -> Optional[str]:
    if distribution == "python":
        return facts.need(Python).version
    item = facts.need(Distributions).find(distribution)
    return item.version if item is not None else None


def _finding(facts: Facts, project: Project, library: str, found: List[Tuple[ApiUse, str, Gone]]) -> Finding:
    names = sorted({name for _, name, _ in found})
    edits = _edits(found)
    by_hand = [
        "%s:%d %s → %s" % (use.where.file, use.where.line, name.rpartition(".")[2], row.replace)
        for use, name, row in found
        if row.replace and not edits
    ]
    version = _version(facts, library)
    first = min((row.removed_in for _, _, row in found), key=lambda text: [int(part) for part in text.split(".")])
    remedies: List[Any] = []
    if edits:
        text = ", ".join(sorted({"%s → %s" % (edit.old, edit.new) for edit in edits}))
        remedies.append(Rewrite(tuple(edits), Text(*(part.replace("{names}", text) for part in REWRITE))))
    if library == "protobuf":
        remedies.append(Manual(PROTOBUF))
    elif by_hand:
        remedies.append(Manual(BY_HAND))
    params: Dict[str, Any] = {
        "library": library,
        "version": version or "(not installed)",
        "names": ", ".join(names),
        "count": len(found),
        "removed_in": ", ".join(sorted({row.removed_in for _, _, row in found})),
        "by_hand": "; ".join(by_hand[:5]),
    }
    if library == "setuptools":
        params.update(bound=first, python=facts.need(Python).executable)
        remedies = [Install("setuptools", "<" + first)] + remedies
    return Finding(
        params=params,
        evidence=tuple(str(use.where) for use, _, _ in found[:20]),
        severity=ERROR if project.chosen else WARNING,
        remedies=tuple(remedies),
    )


def _edits(found: List[Tuple[ApiUse, str, Gone]]) -> List[Edit]:
    edits = [_edit(use, name, row) for use, name, row in found]
    return [edit for edit in edits if edit is not None]


def _edit(use: ApiUse, name: str, row: Gone) -> Optional[Edit]:
    """Return the replacement of one use, where the new name can be reached the same way as the old one."""
    old, column = use.detail.get("source", ""), use.detail.get("column", "")
    if column.isdigit() and "module" in use.detail:
        return Edit(use.where.file, use.where.line, int(column), old, use.detail["module"])
    if not row.rewrite or not column.isdigit() or use.name != name or "." not in old:
        return None
    old_parts, new_parts = name.split("."), row.rewrite.split(".")
    shared = 0
    while shared < min(len(old_parts), len(new_parts)) - 1 and old_parts[shared] == new_parts[shared]:
        shared += 1
    written = old.split(".")
    kept = len(written) - (len(old_parts) - shared)
    if shared == 0 or kept < 1:
        return None  # another library: its import would be needed too
    return Edit(use.where.file, use.where.line, int(column), old, ".".join(written[:kept] + new_parts[shared:]))
