# Run by the doctor's own Python: asks the NVIDIA driver through NVML and writes what it says, one JSON line for each
# answer, into the file named by the first argument; a driver that hangs leaves the lines it had answered before.
# Standard library only until the NVML library itself has loaded: without a driver this ends before pynvml is imported.
import ctypes
import json
import os
import sys

LIBRARY_NOT_FOUND = 12


def candidates():
    """Return where the NVML library may be, as the loader's name or a path."""
    if sys.platform == "win32":
        folders = [
            os.path.join(os.environ.get("WINDIR", "C:\\Windows"), "System32"),
            os.path.join(os.environ.get("ProgramFiles", "C:\\Program Files"), "NVIDIA Corporation", "NVSMI"),
        ]
        return [os.path.join(folder, "nvml.dll") for folder in folders]
    return ["libnvidia-ml.so.1", "/usr/lib/wsl/lib/libnvidia-ml.so.1"]


def load():
    """Return None when the library loads, else why not."""
    reason = "not found"
    for name in candidates():
        if os.path.isabs(name) and not os.path.exists(name):
            continue
        try:
            # A library that is loaded already answers to its name, so pynvml finds it in any folder.
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
            return None
        except OSError as error:
            reason = str(error)
    return reason


def text(value):
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value


class Answers:
    def __init__(self, path):
        self.descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def say(self, **fields):
        os.write(self.descriptor, (json.dumps(fields) + "\n").encode("utf-8"))


def ask(answers):
    reason = load()
    if reason is not None:
        answers.say(error="Driver library not found: %s" % reason, code=LIBRARY_NOT_FOUND)
        return
    import site

    site.main()  # started without it, to be quick when there is no driver
    try:
        import pynvml
    except ImportError as error:
        answers.say(error="pynvml cannot be imported: %s" % error, code=None)
        return

    def quietly(function, *arguments):
        try:
            return function(*arguments)
        except Exception:  # pynvml raises more than NVMLError when the library lacks a call it knows
            return None

    try:
        pynvml.nvmlInit()
        answers.say(
            driver=text(quietly(pynvml.nvmlSystemGetDriverVersion)),
            nvml=text(quietly(pynvml.nvmlSystemGetNVMLVersion)),
            cuda=quietly(pynvml.nvmlSystemGetCudaDriverVersion_v2),
        )
        count = pynvml.nvmlDeviceGetCount()
        answers.say(count=count)
        for index in range(count):
            try:
                card(pynvml, quietly, answers, index)
            except pynvml.NVMLError as error:  # one lost card must not hide the others
                answers.say(lost=index, error=str(error), code=error.value)
    except pynvml.NVMLError as error:
        answers.say(error=str(error), code=error.value)


def card(pynvml, quietly, answers, index):
    handle = pynvml.nvmlDeviceGetHandleByIndex(index)
    capability = quietly(pynvml.nvmlDeviceGetCudaComputeCapability, handle)
    memory = quietly(pynvml.nvmlDeviceGetMemoryInfo, handle)
    processes = []
    for name in ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses"):
        for process in quietly(getattr(pynvml, name, None) or (lambda handle: ()), handle) or ():
            program = text(quietly(pynvml.nvmlSystemGetProcessName, process.pid)) or "pid"
            processes.append("%s (%d)" % (program.replace("\\", "/").rsplit("/", 1)[-1].split(" ")[0], process.pid))
    answers.say(
        gpu=text(pynvml.nvmlDeviceGetName(handle)),
        compute_capability="%d.%d" % tuple(capability) if capability else None,
        memory_total_bytes=int(memory.total) if memory is not None else None,
        memory_used_bytes=int(memory.used) if memory is not None else None,
        processes=sorted(set(processes)),
    )


if __name__ == "__main__":
    out = Answers(sys.argv[1])
    ask(out)
    out.say(done=True)
