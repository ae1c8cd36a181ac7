"""``python -m latm`` is the command ``latm``."""

from __future__ import annotations

from latm.cli import main

if __name__ == "__main__":
    main()
