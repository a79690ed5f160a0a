"""Compile `core_ext`, and nothing else.

The sources are Cython in pure-Python mode: the same files run interpreted. So a missing C compiler
(or USSD_PURE=1) is not an error here: the package installs without the compiled parts, and `core_ext`
warns once when it is imported. USSD_REQUIRE_COMPILED=1 turns a failed build into an error.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

# gcc makes SIMD of the scorecard's loop from -O3 on. The rest gains nothing by it.
OPTIMISE = {"scorecard_steps": "-O3"}


def extensions() -> list[Extension]:
    """One extension for each module of core_ext, cythonized; none when USSD_PURE=1."""
    if os.environ.get("USSD_PURE") == "1":
        return []
    from Cython.Build import cythonize  # noqa: PLC0415 (not needed, and maybe not there, when pure)

    optional = os.environ.get("USSD_REQUIRE_COMPILED") != "1"
    modules = [
        Extension(
            f"core_ext.{path.stem}",
            [str(path)],
            extra_compile_args=[OPTIMISE.get(path.stem, "-O2"), "-ffile-prefix-map=.=core_ext"],
        )
        for path in sorted(Path("core_ext").glob("*.py"))
        if path.stem != "__init__"
    ]
    built: list[Extension] = cythonize(
        modules,
        nthreads=0,
        build_dir="build",
        compiler_directives={
            "language_level": 3,
            "annotation_typing": True,
            "embedsignature": True,
            "auto_pickle": False,  # some hold addresses, which mean nothing elsewhere
        },
        annotate=os.environ.get("USSD_ANNOTATE") == "1",
    )
    for extension in built:  # afterwards, because cythonize makes new ones without it
        extension.optional = optional
    return built


setup(ext_modules=extensions())
