"""An exported model does not fit the program that runs it.

## What it checks
Only error text of ONNX Runtime, OpenCV's dnn module, TensorRT, ncnn and the exporter itself: wrong input sizes or
names, an opset or IR version that is too new, operators that cannot be exported, an engine built for another machine.

## Why it matters
Export freezes the input size, the output layout and the opset. A script written for one layout fails on another:
YOLOv5-Lite's own export.py leaves out the last layer, the general one does not.

## Example
`ValueError: operands could not be broadcast together with shapes (3,2,40,8) (4800,2)`: the model was exported by
another
`export.py`.

## Fix
Export again with the script that belongs to the program, with the input size it expects, and with an opset that the
runtime knows (`--opset 12` suits old ones). An unsupported IR or opset version also goes away with a newer onnxruntime.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """导出的模型与运行它的程序不匹配。

## 检查什么
只看 ONNX Runtime、OpenCV dnn、TensorRT、ncnn 以及导出程序的报错：输入尺寸或名称不符、opset 或 IR 版本过新、
算子无法导出、为其他机器生成的 engine。

## 为什么重要
导出会固定输入尺寸、输出结构和 opset。按一种结构写的脚本换另一种就会出错：YOLOv5-Lite 自带的 export.py 去掉了最后一层，
通用的则没有。

## 示例
`ValueError: operands could not be broadcast together with shapes (3,2,40,8) (4800,2)`：模型是用另一个 `export.py`
导出的。

## 修复
用与推理程序配套的脚本、按它要求的输入尺寸重新导出，并选用运行时支持的 opset（旧运行时用 `--opset 12`）。IR 或 opset
版本不支持时，也可以升级 onnxruntime。
"""


#: the caller hands in height × width × channels: a slip of its code, whatever the model was exported with
_CHANNELS_LAST = (
    r"Got invalid dimensions for input: \S{1,60} for the following indices index: 1 Got: \d{2,5} Expected: [13]\b"
)
SIGNATURES = (
    Signature(r"operands could not be broadcast together with shapes \(3,2,\d+,\d+\) \(\d+,2\)"),
    Signature(
        r"operands could not be broadcast together with shapes \(\d+,\d+,\d+,\d+(?:,\d+)?\) \(\d{3,},\d+\)",
        "medium",
        requires=(r"onnx",),
    ),
    Signature(
        r"Got invalid dimensions for input: (?P<input>\S{1,60}) for the following indices index: "
        r"\d+ Got: (?P<got>\d+) Expected: (?P<expected>\d+)",
        unless=(_CHANNELS_LAST,),
    ),
    Signature(r"Got invalid dimensions for input", unless=(_CHANNELS_LAST,)),
    Signature(_CHANNELS_LAST, "low"),
    # what the own program feeds may as well be wrong
    Signature(
        r"Unexpected input data type\. Actual: \(tensor\((?P<got>\w+)\)\) ?, expected: "
        r"\(tensor\((?P<expected>\w+)\)\)",
        "low",
    ),
    Signature(
        r"Invalid (?:Feed Input|Output) Name: ?(?P<input>\S{1,60})|"
        r"Required inputs \(\[.{1,80}\]\) are missing from input feed",
        "low",
    ),
    Signature(r"Invalid rank for input: (?P<input>\S{1,60}) Got: (?P<got>\d) Expected: (?P<expected>\d)", "low"),
    Signature(
        r"Unsupported model IR version: (?P<ir>\d+), max supported IR version: (?P<supported>\d+)|"
        r"model ir_version (?P<model_ir>\d+) is higher than the checker'?s|"
        r"Unsupported ONNX opset version: (?P<opset>\d+)"
    ),
    Signature(
        r"Opset (?P<opset>\d+) is under development and support for this is limited|"
        r"ONNX Runtime only \*?guarantees\*? support for models stamped with"
    ),
    Signature(
        r"NOT_IMPLEMENTED ?: Could not find an implementation for (?:the node )?(?P<operator>\w+)|"
        r"No Op registered for (?P<op>\w+) with domain_version"
    ),
    Signature(r"is not a registered function/op", "medium", requires=(r"onnx",)),
    Signature(
        r"Exporting the operator '?(?P<operator>[\w:]+)'? to ONNX opset version (?P<opset>\d+) is "
        r"not supported"
    ),
    Signature(
        r"ONNX export failed.{0,60}Couldn'?t export|Unsupported: ONNX export of operator|UnsupportedOperatorError"
    ),
    Signature(r"ONNX: export failure|ONNX export failure", "medium", unless=(r"No module named",)),
    Signature(r"ONNXImporter::handleNode|Node \[\w+@ai\.onnx\S{0,40}\]:\(\S{1,100}\) parse error"),
    Signature(
        r"engine plan file is (?:not compatible with this version of TensorRT|generated on an incompatible device)"
    ),
    Signature(
        r"TensorRT was linked against cuDNN|Version tag does not match\. Note: Current Version: "
        r"\d+, Serialized Engine Version: \d+",
        "medium",
    ),
    Signature(r"No importer registered for op: (?P<operator>\w+)|UNSUPPORTED_NODE", "medium"),
    Signature(r"find_blob_index_by_name \w{1,40} failed|layer \w{1,40} not exists or registered", "medium"),
    Signature(r"INVALID_PROTOBUF ?: Load model from .{1,200} failed", "medium", unless=(r"git-lfs",)),
)


text_check(
    __name__,
    __doc__,
    severity="error",
    summary=Text(
        "The exported model does not fit the program or runtime that loads it", "导出的模型与加载它的程序或运行时不匹配"
    ),
    cause=Text(
        "Input size, output layout, opset or operators of the exported file are not what the program or the "
        "runtime expects.",
        "导出文件的输入尺寸、输出结构、opset 或算子与程序或运行时的要求不一致。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Export the model again with the script that belongs to this program, its input size and an opset "
                "that the runtime knows; or update the runtime.",
                "用与该程序配套的脚本、对应的输入尺寸和运行时支持的 opset 重新导出模型，或升级运行时。",
            )
        ),
    ),
)
