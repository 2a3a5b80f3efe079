"""Small trees that stand for the files of a machine."""

import os


def write(root, files):
    """Write path -> text below a folder; a text that starts with ``-> `` makes a symbolic link."""
    for path, text in files.items():
        target = os.path.join(str(root), path)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        if isinstance(text, str) and text.startswith("-> "):
            os.symlink(text[3:], target)
        elif isinstance(text, bytes):
            with open(target, "wb") as stream:
                stream.write(text)
        else:
            with open(target, "w", encoding="utf-8") as stream:
                stream.write(text)
    return str(root)
