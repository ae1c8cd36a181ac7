"""Set up what `make demo` and `make test` need: .venv, the packages in it, a Docker engine that answers.

It runs on a bare Python 3.11, before anything is installed, so it uses the standard library alone. It parses
on older ones too, so that they are told what is wrong in a sentence instead of a traceback.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - being run by an older Python is the very case
    sys.exit(f"latm needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}")

try:
    from setting_up.main import main
except ModuleNotFoundError as missing:
    # Debian's python3-minimal is a Python without most of its standard library.
    sys.exit(
        f"{sys.executable} has no module {missing.name}: its standard library is incomplete. "
        "On Debian and Ubuntu: apt-get install python3"
    )

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
