#!/bin/sh
# Choose a Python and hand over to setup_environment.py. POSIX sh, because at this point nothing else is known.
# PYTHON=... names one; otherwise the newest that works wins, and one that can make virtual environments goes first.
here=$(dirname "$0")
if [ -n "$PYTHON" ]; then
    candidates=$PYTHON
    set -- --exactly "$@"
else
    candidates="python3.13 python3.12 python3.11 python3"
fi

# They are run, not looked up: the shim of a version manager is there and fails.
for needs in "import ensurepip, sys" "import sys"; do
    for candidate in $candidates; do
        if "$candidate" -c "$needs; sys.exit(sys.version_info < (3, 11))" >/dev/null 2>&1; then
            exec "$candidate" "$here/setup_environment.py" "$@"
        fi
    done
done

echo "latm needs Python 3.11 or newer; none of these is one that works: $candidates" >&2
for candidate in $candidates; do
    version=$("$candidate" --version 2>/dev/null) && echo "  $candidate is $version" >&2
done
echo "On Debian 12, Ubuntu 24.04 or newer:  apt-get install python3   (with sudo, unless you are root)" >&2
echo "With one in another place:            make setup PYTHON=/path/to/python3" >&2
exit 1
