"""The command ``latm``; needs the extra ``cli``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line; ends the process with a documented exit code (docs/cli.md)."""
    try:
        import rich
        import typer
    except ImportError as error:
        sys.stderr.write(
            f"latm: the command line needs the package {error.name!r}, which is not installed: "
            "pip install 'latm[cli]'\n"
        )
        sys.exit(3)
    del rich, typer
    try:
        from latm.cli._app import app

        app()
    except KeyboardInterrupt:  # before a command had begun
        sys.stderr.write("latm: interrupted; nothing was begun\n")
        sys.exit(130)
