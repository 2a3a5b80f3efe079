# Run by the target Python: imports torch and its partners stage by stage. Every start and every end is written, as one
# JSON line, into the file named by the first argument before the next thing happens, so that a crash or a hang belongs
# to a stage. What the stages print goes into the file named by the second argument; the rest are names of stages.
# Standard library only; parses on Python 2.7, works from 3.6. Nothing is imported that a training run would not import.
# The packages are named as text: an import statement would make every repository that holds the doctor look as if it
# needed torch.
import faulthandler
import json
import os
import sys
import time
from importlib import import_module

NEEDS = {
    "torch": (),
    "numpy-bridge": ("torch",),
    "torchvision": ("torch",),
    "nms-cpu": ("torchvision",),
    "cuda-kernel": ("torch",),
    "nms-cuda": ("torchvision", "cuda-kernel"),
    "cv2": (),
    "onnxruntime": (),
}
#: import name of the package that a stage is about, where it may simply not be installed
ABOUT = {
    "torch": "torch",
    "numpy-bridge": "numpy",
    "torchvision": "torchvision",
    "cv2": "cv2",
    "onnxruntime": "onnxruntime",
}


class Skip(Exception):
    """The stage cannot be tried here; the text says why."""

    def __init__(self, text, data=None):
        Exception.__init__(self, text)
        self.data = data or {}


class Failed(Exception):
    """The stage found something wrong without an exception of its own."""

    def __init__(self, error, text, data):
        Exception.__init__(self, text)
        self.error = error
        self.data = data


def torch_stage():
    torch = import_module("torch")

    data = {"version": str(torch.__version__)}
    version = torch.version
    data["cuda"] = getattr(version, "cuda", None)
    data["hip"] = getattr(version, "hip", None)
    data["file"] = getattr(torch, "__file__", None)
    try:  # the build's own list; unlike torch.cuda.get_arch_list it also answers without a card
        data["arch_list"] = torch._C._cuda_getArchFlags().split()
    except Exception:
        data["arch_list"] = []
    return data


def numpy_bridge_stage():
    torch = import_module("torch")

    value = torch.ones(2).numpy()
    torch.from_numpy(value)
    numpy = sys.modules["numpy"]
    return {"numpy": str(numpy.__version__)}


def torchvision_stage():
    torchvision = import_module("torchvision")

    data = {"version": str(torchvision.__version__), "file": getattr(torchvision, "__file__", None)}
    extension = getattr(torchvision, "extension", None)
    check = getattr(extension, "_has_ops", None)
    if check is not None:
        data["has_ops"] = bool(check())
    return data


def boxes(device):
    torch = import_module("torch")

    places = torch.tensor([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 2.0, 1.9], [5.0, 5.0, 6.0, 6.0]], device=device)
    return places, torch.tensor([0.9, 0.8, 0.7], device=device)


def nms(device):
    torchvision = import_module("torchvision")

    places, scores = boxes(device)
    kept = torchvision.ops.nms(places, scores, 0.5).tolist()
    if kept != [0, 2]:
        raise Failed("WrongResult", "nms kept %r instead of [0, 2]" % (kept,), {})
    return {}


def nms_cpu_stage():
    return nms("cpu")


def cuda_kernel_stage():
    torch = import_module("torch")

    if getattr(torch.version, "cuda", None) is None:
        raise Skip("this torch was built without CUDA")
    if not torch.cuda.is_available():
        text = "torch.cuda.is_available() is False"
        try:
            torch.cuda.init()
        except Exception as error:
            text = str(error)
        raise Skip(text, {"available": False})
    data = {"available": True, "devices": [], "ran_on": []}
    failed = []
    for index in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(index)
        name = str(properties.name)
        capability = "%d.%d" % (properties.major, properties.minor)
        if (name, capability) in [(known["name"], known["compute_capability"]) for known in data["devices"]]:
            continue  # one card of each kind: starting CUDA on a card takes most of a second
        data["devices"].append({"name": name, "compute_capability": capability})
        try:
            device = "cuda:%d" % index
            if float((torch.ones(4, device=device) * 2).sum()) != 8.0:
                raise Failed("WrongResult", "a kernel on %s computed a wrong sum" % name, {})
            data["ran_on"].append(name)
        except Exception as error:
            failed.append((type(error).__name__, "%s: %s" % (name, error)))
    if failed:
        raise Failed(failed[0][0], "\n".join(text for _, text in failed), data)
    return data


def nms_cuda_stage():
    return nms("cuda")


def cv2_stage():
    cv2 = import_module("cv2")

    data = {"version": str(cv2.__version__), "file": getattr(cv2, "__file__", None)}
    for line in cv2.getBuildInformation().splitlines():
        if line.strip().startswith("GUI:"):
            data["gui"] = line.split(":", 1)[1].strip()
    return data


def onnxruntime_stage():
    onnxruntime = import_module("onnxruntime")

    return {
        "version": str(onnxruntime.__version__),
        "file": getattr(onnxruntime, "__file__", None),
        "providers": list(onnxruntime.get_available_providers()),
    }


def installed(name):
    import importlib.util

    try:
        return importlib.util.find_spec(name) is not None
    except (ImportError, ValueError):
        return True  # something odd is there: let the import say what


def describe(error):
    """Return type and traceback of an exception without the frames of this script; the end where it is long."""
    import traceback

    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == describe.__code__.co_filename:
        trace = trace.tb_next
    text = "".join(traceback.format_exception(type(error), error, trace)).strip()
    return type(error).__name__, text[-6000:]


class Trial:
    def __init__(self, answer, noise):
        self.answer = os.open(answer, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.noise = os.open(noise, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(self.noise, 1)
        os.dup2(self.noise, 2)
        faulthandler.enable(2)  # a crash then says which import it was
        self.status = {}

    def say(self, **fields):
        os.write(self.answer, (json.dumps(fields, default=str) + "\n").encode("utf-8"))

    def position(self):
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        return os.fstat(self.noise).st_size

    def run(self, name):
        """Try a stage, what it needs first; each once."""
        if name in self.status:
            return
        for other in NEEDS[name]:
            self.run(other)
            if self.status[other] != "ok":
                self.status[name] = "skipped"
                self.say(stage=name, status="skipped", text="%s: %s" % (other, self.status[other]))
                return
        about = ABOUT.get(name)
        if about is not None and not installed(about):
            self.status[name] = "skipped"
            self.say(stage=name, status="skipped", text="%s is not installed" % about, data={"installed": False})
            return
        self.say(stage=name, status="started", noise=self.position())
        began = time.time()
        error, text, data = None, "", {}
        try:
            data = STAGES[name]()
            status = "ok"
        except Skip as skip:
            status, text, data = "skipped", str(skip), skip.data
        except Failed as failed:
            status, error, text, data = "failed", failed.error, str(failed), failed.data
        except BaseException as problem:  # a library that calls sys.exit at import has failed, too
            status = "failed"
            error, text = describe(problem)
        self.status[name] = status
        self.say(
            stage=name,
            status=status,
            error=error,
            text=text,
            data=data,
            seconds=round(time.time() - began, 4),
            noise=self.position(),
        )


STAGES = {
    "torch": torch_stage,
    "numpy-bridge": numpy_bridge_stage,
    "torchvision": torchvision_stage,
    "nms-cpu": nms_cpu_stage,
    "cuda-kernel": cuda_kernel_stage,
    "nms-cuda": nms_cuda_stage,
    "cv2": cv2_stage,
    "onnxruntime": onnxruntime_stage,
}


def main(arguments):
    here = os.path.dirname(os.path.abspath(__file__))
    # The folder of this script must not lend its files to anybody's imports.
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry or ".") != here]
    trial = Trial(arguments[0], arguments[1])
    for name in arguments[2:]:
        trial.run(name)
    trial.say(done=True)
    # Leave at once: libraries that crash while Python winds down have passed their stages.
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1:])
