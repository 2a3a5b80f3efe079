# Run by the target Python: says what it is, as JSON in the file named by the first argument.
# Standard library only; parses on Python 2.7, works from 3.6. Answers through a file, because a sitecustomize may
# print.
import json
import os
import sys


def describe():
    import platform
    import sysconfig

    version = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info < (3, 6):
        return {"version": version, "executable": sys.executable, "too_old": True}
    paths = sysconfig.get_paths()
    site_packages = []
    for key in ("purelib", "platlib"):
        if paths.get(key) and paths[key] not in site_packages:
            site_packages.append(paths[key])
    for entry in sys.path:  # dist-packages of Debian, system site packages of a venv, the user's site
        name = os.path.basename(entry)
        if name in ("site-packages", "dist-packages") and entry not in site_packages and os.path.isdir(entry):
            site_packages.append(entry)
    try:
        import site

        user_site, user_enabled = site.getusersitepackages(), bool(site.ENABLE_USER_SITE)
    except Exception:
        user_site, user_enabled = None, False
    customize = []
    for name in ("sitecustomize", "usercustomize"):
        module = sys.modules.get(name)
        if module is not None and getattr(module, "__file__", None):
            customize.append(module.__file__)
    libc = (None, None)
    if sys.platform.startswith("linux"):
        try:
            libc = tuple(os.confstr("CS_GNU_LIBC_VERSION").split())
        except (AttributeError, ValueError, OSError):
            libc = ("musl", None) if any("musl" in name for name in os.listdir("/lib")) else (None, None)
    return {
        "version": version,
        "releaselevel": sys.version_info[3],
        "executable": sys.executable,
        "implementation": sys.implementation.name,
        "soabi": sysconfig.get_config_var("SOABI") or "",
        "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
        "debug": bool(sysconfig.get_config_var("Py_DEBUG")),
        "pymalloc": bool(sysconfig.get_config_var("WITH_PYMALLOC")),
        "platform": sysconfig.get_platform(),
        "macos": platform.mac_ver()[0] if sys.platform == "darwin" else "",
        "pointer_bits": 64 if sys.maxsize > 2**32 else 32,
        "prefix": sys.prefix,
        "base_prefix": getattr(sys, "base_prefix", sys.prefix),
        "real_prefix": getattr(sys, "real_prefix", None),
        "stdlib": paths.get("stdlib"),
        "scripts": paths.get("scripts", ""),
        "site_packages": site_packages,
        "user_site": user_site,
        "user_site_enabled": user_enabled,
        "sys_path": [entry for entry in sys.path[1:] if entry],
        "customize": customize,
        "libc": list(libc),
    }


if __name__ == "__main__":
    answer = describe()
    with open(sys.argv[1], "w") as stream:
        json.dump(answer, stream)
