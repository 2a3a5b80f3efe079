"""A site-packages folder to put the skeletons of packages into: the files that are read, none that runs."""

from doctor.probes import builds

VISION = """__version__ = '%s'
git_version = '5e8e2f1'
from torchvision.extension import _check_cuda_version
if _check_cuda_version() > 0:
    cuda = _check_cuda_version()
"""


class Site:
    """A site-packages folder to put packages into."""

    def __init__(self, folder):
        self.folder = folder

    def put(self, path, data=b""):
        place = self.folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data if isinstance(data, bytes) else data.encode("utf-8"))

    def metadata(self, name, version, requires=(), installer="pip", more=""):
        lines = ["Metadata-Version: 2.1", "Name: " + name, "Version: " + version]
        lines += ["Requires-Dist: " + text for text in requires]
        base = "%s-%s.dist-info/" % (name, version)
        self.put(base + "METADATA", "\n".join(lines) + "\n\nVersion: 9.9 is mentioned in the description\n")
        self.put(base + "INSTALLER", installer + "\n")
        if more:
            self.put(base + "direct_url.json", more)

    def torch(self, text, version, libraries=("libtorch_cpu.so", "libc10.so"), installer="pip"):
        self.put("torch/__init__.py", "raise RuntimeError('never imported')")
        self.put("torch/_C.cpython-310-x86_64-linux-gnu.so")
        self.put("torch/version.py", text)
        for name in libraries:
            self.put("torch/lib/" + name)
        self.metadata("torch", version, installer=installer)

    def read(self):
        return builds.probe_builds([str(self.folder)])

    def torchvision(self, version, requires, library="_C.so"):
        self.put("torchvision/__init__.py")
        self.put("torchvision/version.py", VISION % version)
        self.put("torchvision/" + library)
        self.metadata("torchvision", version.split("+")[0], [requires])
