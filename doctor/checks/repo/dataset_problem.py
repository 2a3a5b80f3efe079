"""The data, not the environment, stops the program.

## What it checks
Only error text: images or labels that are not where the data file says, files that are damaged, classes that do not
match.

## Why it matters
No change to the environment cures this; it is named so that nobody reinstalls torch for it.

## Example
`Exception: Dataset not found.` from YOLOv5 or YOLOv7: the paths in the data yaml are relative to another folder.

## Fix
Check the paths in the data yaml from the folder the program is started in, the number of classes, and the file that
the message names. Delete `labels.cache` after a change.
"""

from ...model import Manual
from ...registry import Signature, text_check
from ...text import Text

EXPLAIN_ZH = """问题出在数据，不在环境。

## 检查什么
只看报错文本：图片或标签不在 yaml 所写的位置、文件损坏、类别数不一致。

## 为什么重要
改动环境解决不了这类问题；指出来是为了避免有人为此重装 torch。

## 示例
YOLOv5、YOLOv7 的 `Exception: Dataset not found.`：data yaml 里的路径是相对于另一个目录写的。

## 修复
从启动程序的目录出发，检查 data yaml 中的路径、类别数，以及消息里提到的文件。改动后删除 `labels.cache`。
"""


SIGNATURES = (
    Signature(
        r"Exception: Dataset not found|Dataset '[^']{1,200}' (?:images )?not found|"
        r"Dataset not found (?!.{0,300}attempting download)",
        "high",
    ),
    Signature(r"Dataset '.{1,300}?' error\b|images not found,? missing paths?|Dataset images not found"),
    Signature(
        r"No labels (?:found )?in .{2,300}|Can ?not train without labels|"
        r"No data found\. Please verify|No training samples found in|"
        r"No images (?:or videos )?found in|No valid images found|"
        r"no (?:images|labels) found"
    ),
    Signature(
        r"UnidentifiedImageError|cannot identify image file|"
        r"broken data stream when reading image file|image file is truncated|Truncated File Read|"
        r"not a (?:JPEG|PNG) file|Could not find a format to read the specified file"
    ),
    Signature(
        r"Label class (?P<label>\d+) exceeds (?:dataset class count|nc=)|"
        r"Possible class labels are|non-normalized or out of bounds|negative label values|"
        r"labels? requires? \d columns|> 5 label columns|Label class \w{1,3} exceeds nc"
    ),
    Signature(
        r"\d+ names found for nc=\d+|'?names'? length \d+ and '?nc:? \d+'? must match|"
        r"names.{0,20}required in .{2,100}\.yaml|key missing ❌|\"'?(?:train|val|nc|"
        r"names):?'? key missing"
    ),
    Signature(
        r"!_src\.empty\(\)|!ssize\.empty\(\)|\(-215:Assertion failed\) !\w+\.empty\(\)",
        "medium",
        unless=(r"VideoCapture|cap\.read",),
    ),
    Signature(
        r"can'?t open/read file: check file path/integrity|Image Not Found|image (?:not found|"
        r"does not exist)",
        "medium",
        unless=(r"Reason: image not found",),
    ),
    Signature(
        r"num_samples should be a positive integer value, but got num_samples=0|Found 0 (?:files|"
        r"images|logs) in|Couldn'?t find any class folder in|Found no valid file for the classes"
    ),
    Signature(
        r"[Aa]nnotation ids in .{2,300} are not unique|duplicate annotation|"
        r"category_id .{0,40}not (?:in|found)",
        "high",
    ),
    Signature(r"No such file or directory: .{0,4}(?P<path>[^'\"\n]{0,250}\.(?:jpe?g|png|bmp|tiff?|xml))\b", "medium"),
    Signature(
        r"No such file or directory: .{0,4}(?P<path>[^'\"\n]{0,200}(?:images|labels|annotations|"
        r"[/\\]train|[/\\]val|dataset)[^'\"\n]{0,80}\.(?:txt|csv|json|ya?ml|cache))\b",
        "medium",
    ),
    Signature(
        r"All bounding boxes should have positive height and width|Expected [xy]_m(?:ax|"
        r"in) for bbox .{0,200} to be in the range|\w_max is less than or equal to \w_min for bbox"
    ),
    Signature(
        r"Target (?P<label>-?\d+) is out of bounds|Assertion .{0,4}t >= 0 && t < n_classes|"
        r"The number of classes in the (?:dataset|labels)",
        "medium",
    ),
    Signature(
        r"(?:operand (?:118|60)\b|invalid load key, '(?:v|<)')",
        "medium",
        cause=Text(
            "The file that is loaded is no checkpoint: a git-lfs pointer or a web page was saved under its name. "
            "Download it again.",
            "被加载的文件并不是权重：保存下来的是 git-lfs 指针文件或网页。请重新下载。",
        ),
    ),
    Signature(r"UnicodeDecodeError: '(?:gbk|gb2312|cp\d+|charmap)' codec can'?t decode", "low"),
    Signature(r"Corrupt JPEG data: |Premature end of JPEG file|libpng error: ", "medium"),
    Signature(r"ignoring corrupt image/label|WARNING.{0,40}corrupt (?:JPEG|image)", "low", warning=True),
    Signature(
        r"failed finding central directory|Invalid magic number; corrupt file|"
        r"unexpected EOF, expected \d+ more bytes|MetadataIncompleteBuffer|HeaderTooLarge|"
        r"InvalidHeaderDeserialization",
        "low",
    ),
)


text_check(
    __name__,
    __doc__,
    severity="note",
    summary=Text("The data set, not the environment, is the problem", "问题出在数据集，不在环境"),
    cause=Text(
        "The program reads a file or label that is missing, damaged or does not fit the data description.",
        "程序读取的文件或标签缺失、损坏，或与数据描述不一致。",
    ),
    explain_zh=EXPLAIN_ZH,
    signatures=SIGNATURES,
    remedies=(
        Manual(
            Text(
                "Check the paths and class counts in the data file and the file that the message names; the "
                "environment is fine as far as this text shows.",
                "检查数据配置中的路径和类别数，以及消息中提到的文件；就这段文本看，环境没有问题。",
            )
        ),
    ),
)
