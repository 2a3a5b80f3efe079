"""Build hook: puts the matrix's JSON form into the wheel, so that no installed doctor ever parses the YAML."""

import os
import shutil
import sys
import tempfile

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class MatrixHook(BuildHookInterface):
    def initialize(self, version, build_data):
        sys.path.insert(0, self.root)
        try:
            from doctor.wheels.matrix import json_form, parse
        finally:
            sys.path.remove(self.root)
        with open(os.path.join(self.root, "wheel_matrix.yaml"), "rb") as file:
            raw = file.read()
        self.folder = tempfile.mkdtemp()
        path = os.path.join(self.folder, "wheel_matrix.json")
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.write(json_form(raw, parse(raw, "wheel_matrix.yaml")))
        build_data["force_include"][path] = "doctor/wheel_matrix.json"

    def finalize(self, version, build_data, artifact_path):
        shutil.rmtree(self.folder, ignore_errors=True)
