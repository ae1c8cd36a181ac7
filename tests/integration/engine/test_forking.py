"""A process that forks while an engine is open, as web servers do."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.docker,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on this system"),
]

PROGRAM = textwrap.dedent(
    """
    import os, sys, warnings
    from latm import Config, ConfigError, Engine
    from latm.testing import scripted_provider

    # From Python 3.12 on a fork beside threads is warned of; it is what is tried here.
    warnings.simplefilter("ignore", DeprecationWarning)

    def open_engine(library):
        provider = scripted_provider("fake", {"strong": lambda request: "Answer: 4"})
        plain = scripted_provider("none", {"nothing": lambda request: '{"decision": "none", "task": null}'})
        roles = {"fallback": "fake:strong", "dispatcher": "none:nothing", "maker": "fake:strong"}
        return Engine(Config(roles=roles, library=library), plugins={"fake": provider, "none": plain})

    engine = open_engine(sys.argv[1])
    with engine:
        assert engine.solve("What is 2 and 2?").text == "4"
        child = os.fork()
        if child == 0:
            try:
                engine.solve("What is 2 and 2?")
            except ConfigError as error:
                assert "before the process was forked" in str(error), error
            engine.close()  # its parent's: nothing happens
            with open_engine(sys.argv[1]) as own:
                assert own.solve("What is 2 and 2?").text == "4"
            sys.exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        assert engine.solve("What is 2 and 2?").text == "4"
    print("done")
    """
)


def test_a_child_opens_an_engine_of_its_own_and_leaves_its_parent_s_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, f"sqlite:///{tmp_path / 'latm.db'}"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "done"), done.stderr
