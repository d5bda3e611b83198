"""Start a program: check Python and the required packages before anything else is imported.

Standard library only, in syntax that older Pythons parse too: they are told in one line what is needed.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

PYTHON_MIN = (3, 11)
REQUIRED = ("thrift", "numpy", "rich")
UNAVAILABLE = 69  # sysexits.h: EX_UNAVAILABLE
PARENT = __file__.rsplit(os.sep, 3)[0]  # the folder of the package: a checkout, or site-packages


def launch(program: str = "roundelay") -> None:
    """Run a program of roundelay.cli.main with the arguments of this process, and exit with its code."""
    require()
    from roundelay.ml.threads import one_blas_thread

    one_blas_thread()  # before numpy is imported: equal bits everywhere, and the cores are the trainers'
    main = importlib.import_module("roundelay.cli.main")  # by name: it imports this module
    main.exits.run(getattr(main, program))


def require() -> None:
    """Exit with one line that says what to install unless Python and the required packages are here."""
    if sys.version_info < PYTHON_MIN:
        needed, this = ".".join(map(str, PYTHON_MIN)), ".".join(map(str, sys.version_info[:3]))
        _exit(f"Roundelay needs Python {needed} or newer; {sys.executable} is Python {this}")
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        command = "make install && . .venv/bin/activate" if is_checkout() else "python3 -m pip install roundelay"
        _exit(f"{', '.join(missing)} not installed for {sys.executable}; type  {command}")


def is_checkout() -> bool:
    """Return whether this package lies in a checkout, beside its scripts."""
    return os.access(f"{PARENT}{os.sep}client.py", os.F_OK)


@contextmanager
def importing() -> Iterator[None]:
    """Import without garbage collection: modules are never garbage, and searching them costs 5 % of a start."""
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _exit(line: str) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(UNAVAILABLE)
