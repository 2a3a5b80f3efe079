"""Something is to be compiled with CUDA, and there is no CUDA toolkit.

## What it checks
Only error text: a build that looks for `nvcc`, `CUDA_HOME` or CUDA's header files and does not find them.

## Why it matters
The pip packages of torch bring the CUDA *runtime*, which is all that training needs. Compiling an extension
(flash-attn, detectron2, mmcv, apex, DeepSpeed ops) needs the *toolkit* with `nvcc` as well.

## Example
`OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.`

## Fix
First look for a ready wheel of the extension for your torch, CUDA and Python. To compile: install the toolkit of the
same CUDA major version as torch, or use a container image whose name contains `devel`, and set `CUDA_HOME`.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """需要用 CUDA 编译，但没有安装 CUDA 工具包（toolkit）。

## 检查什么
只看报错文本：编译过程寻找 `nvcc`、`CUDA_HOME` 或 CUDA 头文件而没有找到。

## 为什么重要
torch 的 pip 包自带 CUDA *运行时*，训练够用。编译扩展（flash-attn、detectron2、mmcv、apex、DeepSpeed 算子）还需要带
`nvcc` 的*工具包*。

## 示例
`OSError: CUDA_HOME environment variable is not set. Please set it to your CUDA install root.`

## 修复
先找与 torch、CUDA、Python 匹配的现成 wheel。必须编译时：安装与 torch 的 CUDA 主版本一致的工具包，或使用名字带 `devel`
的容器镜像，并设置 `CUDA_HOME`。
"""


_SHELL = (
    r"nvcc(?:'|\.exe)?\W{0,3}(?:: command not found|: not found|'? is not recognized as|'? 不是内部或外部命令)|"
    r"Command 'nvcc' not found"
)
SIGNATURES = (
    Signature(
        r"CUDA_HOME environment variable is not set|CUDA_HOME does not exist, unable to compile "
        r"CUDA op|CUDA_HOME is not set|MissingCUDAException"
    ),
    Signature(
        r"nvcc(?:'|\.exe)?\W{0,3}(?: was not found|: No such file or directory)|"
        r"(?:not find|find|Unable to find) nvcc\b|未找到 ?nvcc"
    ),
    # the shell's answer counts where something is being built
    Signature(
        _SHELL,
        requires=(
            r"setup\.py|pip install|subprocess-exited|building '|running build|make\b|cmake|ninja|Makefile|build\.sh|"
            r"cpp_extension|gcc|编译|安装",
        ),
        # a report of the environment says so by the way
        unless=(r"NVCC: Not Available",),
    ),
    Signature(_SHELL, "low"),
    Signature(
        r"No such file or directory: '?(?P<path>\S{0,200}nvcc)\b|"
        r"command \W{0,3}(?P<command>\S{0,200}nvcc)\W{1,3}failed\W.{0,40}No such file|"
        r"unable to execute \W{0,3}(?P<compiler>[^\s\"']\S{0,200}nvcc)\b"
    ),
    Signature(
        r"No CMAKE_CUDA_COMPILER could be found|Failed to find nvcc|"
        r"Could not find (?:the )?CUDA ?(?:Toolkit|toolkit)|CUDAToolkit_ROOT|"
        r"Could NOT find CUDA(?:Toolkit)? \(missing|Failed to detect a default CUDA architecture|"
        r"CUDA Toolkit not found"
    ),
    Signature(
        r"(?:fatal error|error): (?:'|\")?(?P<header>cuda\w{0,24}|cublas\w{0,6}|cusparse\w{0,6}|cusolver\w{0,6}|"
        r"curand\w{0,12}|cufft\w{0,6}|cudnn\w{0,12}|nvrtc|nvml|nvToolsExt|driver_types|vector_types|"
        r"crt/\w{4,24}|(?:thrust|cub|cuda)/\S{2,60})(?:\.h|\.hpp|\.cuh)?(?:'|\")?"
        r"(?:: No such file| file not found)|"
        r"Cannot open include file: '(?P<include>(?:cuda|cublas|cusparse|cusolver|curand|cudnn)\w{0,24}\.h)'"
    ),
    Signature(
        r"cannot find -l(?:cudart|cublas|curand|cusolver|cusparse|nvrtc|cudnn)\b|Cannot find (?:a working )?ptxas|"
        r"Could(?:n't| not) find CUDA (?:library root|lib directory)|"
        r"CUDA::(?!nvToolsExt)\w{4,20}\s{1,60}but the target was not found|"
        r"LINK : fatal error LNK1181: .{0,40}'(?:cudart|cublas|cuda)\.lib'",
        "medium",
    ),
    Signature(r"Error checking compiler version for cl\b", "low", warning=True),
    # Numba, XLA
    Signature(
        r"libNVVM cannot be found|Missing libdevice file|libdevice(?:\.10\.bc)? (?:is required by this HLO module but "
        r"was )?not found",
        "medium",
    ),
    Signature(r"No CUDA toolset found|\bld: cannot find -lcuda\b", "medium"),
    Signature(
        r"CMAKE_CUDA_ARCHITECTURES must be non-empty|"
        r"(?:cannot|can'?t|could ?n[o']t) find the .{0,3}cuda\w{1,20}\.h\b",
        "low",
    ),
    Signature(r"(?:need|have|required) to (?:install|have) (?:the )?(?:CUDA|cuda) ?(?:toolkit)", "low"),
    Signature(
        r"(?:Cannot|can'?t|could ?n[o']t) find CUDA_HOME|CUDA_PATH (?:is )?not (?:set|found)|CUDA_HOME=None|"
        r"specify CUDA_HOME",
        "medium",
    ),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text(
        "The CUDA toolkit (nvcc) is needed to compile and is missing", "编译需要 CUDA 工具包（nvcc），但没有安装"
    ),
    cause=Text(
        "A build asks for nvcc, CUDA_HOME or CUDA's headers; the runtime inside the torch package has none of them.",
        "编译需要 nvcc、CUDA_HOME 或 CUDA 头文件，而 torch 包自带的只是运行时。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Install a ready wheel of that extension for your torch and Python, or the CUDA toolkit of torch's "
                "CUDA version (a container image with `devel` in its name has it) and set CUDA_HOME.",
                "安装与 torch、Python 匹配的现成 wheel；或者安装与 torch 的 CUDA 版本一致的 CUDA 工具包（名字带 "
                "`devel` 的镜像自带）并设置 CUDA_HOME。",
            )
        ),
    ),
)
