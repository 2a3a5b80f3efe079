"""Whatever a driver, a tool or a file says, the parsers return facts and raise nothing."""

import json

from hypothesis import given
from hypothesis import strategies as st

from doctor.facts import Facts, Nvidia, NvidiaSource, Unknown, from_json, to_json
from doctor.probes import builds, gpu, toolkit, trials
from doctor.probes.run import Ran

PIECES = [
    "| NVIDIA-SMI 610.43.02   KMD Version: 610.43.02   CUDA UMD Version: 13.3 |\n",
    "| NVIDIA-SMI 530.47   Driver Version: 531.68   CUDA Version: N/A |\n",
    "|   0  NVIDIA GeForce RTX 3070   On | 00000000:2B:00.0  On |  N/A |\n",
    "|  0%   53C    P8   16W / 220W|   1029MiB /  8192MiB |  18%  Default |\n",
    "NVIDIA GeForce RTX 3070, 8.6, 8192, 1029, 531.68\n",
    "Failed to initialize NVML: Driver/library version mismatch\n",
    '{"driver": "550.54.15", "nvml": "12.550.54.15", "cuda": 12040}\n',
    '{"gpu": "A", "compute_capability": "8.6"}\n',
    '{"done": true}\n',
    "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.135\n",
    "__version__ = '2.1.0+cu121'\n",
    "cuda: Optional[str] = '12.1'\n",
    "#define CUDNN_MAJOR 8\n",
    "release 12.3, V12.3.107\n",
    ",,,,\n",
    "|\n",
]
texts = st.one_of(st.text(), st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=20))).map("".join))


def ran(text, code=0):
    return Ran(code, text, text, False, None, None, 0.1)


def keeps_its_form(section):
    facts = Facts({Nvidia: section})
    assert from_json(json.loads(json.dumps(to_json(facts)))) == facts


@given(texts, texts, st.sampled_from([0, 1, 9, 255]))
def test_nvidia_smi(table, query, code):
    source = gpu.parse_smi(ran(table, code), ran(query))
    assert isinstance(source, NvidiaSource)
    assert source.driver or source.gpus or source.error
    keeps_its_form(gpu.merge([source], gpu.Files(None, None, None, (), None)))


@given(texts)
def test_nvml(text):
    found = gpu.merge([gpu.parse_nvml(text, ran(text))], gpu.Files(None, None, None, (), None))
    assert found is None or isinstance(found, (Nvidia, Unknown))
    keeps_its_form(found)


@given(texts)
def test_files(text):
    gpu.parse_module_version(text)
    toolkit.parse_nvcc(text)
    toolkit.parse_cudnn(text)
    said = builds.parse_version(text)
    assert said.cuda is None or said.cuda[0].isdigit()


#: lines as the child writes them, in any order and with any of them missing
lines = st.fixed_dictionaries(
    {"stage": st.sampled_from(["torch", "torchvision"]), "status": st.sampled_from(["started", "ok", "failed"])},
    optional={"text": st.text(), "noise": st.integers(0, 40), "data": st.just({}), "seconds": st.floats(0, 9)},
)


@given(st.lists(lines), st.binary(max_size=30))
def test_lines_of_a_trial_that_died(said, noise):
    for stage in trials.parse_lines(said, noise, ran("")).values():
        assert stage.name
