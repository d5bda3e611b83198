"""Start a program: check Python and the required packages before anything else is imported.

Standard library only, in syntax that older Pythons parse too: they exit with one line that says what is needed.
"""

from __future__ import annotations

import importlib.util
import signal
import sys
from typing import NoReturn

from roundelay.cli.loading import is_checkout

PYTHON_MIN = (3, 11)
REQUIRED = ("thrift", "numpy", "msgspec", "rich")
UNAVAILABLE = 69  # sysexits.h: EX_UNAVAILABLE


def launch(program: str = "roundelay") -> None:
    """Run a program of roundelay.cli.main with the arguments of this process, and exit with its code."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the imports below without a traceback
    require()
    from roundelay.ml.threads import one_blas_thread

    one_blas_thread()  # before numpy is imported: equal bits everywhere, and the cores are the trainers'
    from roundelay.cli import exits, main

    exits.run(getattr(main, program))


def require() -> None:
    """Exit with one line that says what to install unless Python and the required packages are here."""
    if sys.version_info < PYTHON_MIN:
        needed, this = ".".join(map(str, PYTHON_MIN)), ".".join(map(str, sys.version_info[:3]))
        _exit(f"Roundelay needs Python {needed} or newer; {sys.executable} is Python {this}")
    missing = [name for name in REQUIRED if importlib.util.find_spec(name) is None]
    if missing:
        command = "make install && . .venv/bin/activate" if is_checkout() else "python3 -m pip install roundelay"
        _exit(f"{', '.join(missing)} not installed for {sys.executable}; type  {command}")


def _exit(line: str) -> NoReturn:
    print(line, file=sys.stderr)
    sys.exit(UNAVAILABLE)
