"""The conformance checks that look at a plugin's module in processes of their own."""

from __future__ import annotations

import importlib
import sys
import textwrap

import pytest

from latm._plugins import Plugins
from latm.testing import Scenario, check_provider

pytestmark = pytest.mark.anyio
GOOD = """
from latm.plugin import ProviderSpec, Reply, Usage, hookimpl

class Toy:
    def __init__(self, model, options):
        import toy_sdk
        self.model = model
    async def complete(self, request):
        return Reply(text="hi", usage=Usage(), model=self.model)
    async def aclose(self): pass

@hookimpl
def latm_providers():
    return [ProviderSpec(name="toy", create=Toy, extra="toy-sdk")]
"""
TOP, IN_INIT, IN_CALL = "from latm", "        import toy_sdk\n", "        return Reply"
BUSY = "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass\n"
THREAD = (
    "        import threading\n"
    "        threading.Thread(target=threading.Event().wait, daemon=True, name='left').start()\n"
)
HIDDEN = """
        try:
            import toy_sdk
        except ImportError:
            raise ValueError("no") from None
"""
FAULTS = {
    "prints at import": (TOP, f'print("hello")\n{TOP}', "loads no SDK: it printed 'hello'"),
    "imports the SDK": (TOP, f"import toy_sdk\n{TOP}", "loads no SDK: it imports 'toy_sdk'"),
    "is slow to import": (TOP, f"{BUSY}{TOP}", "ms of the processor"),
    "needs what others import": (TOP, f"import sys; sys.modules['pytest']\n{TOP}", "it ended with KeyError"),
    "prints in a call": (IN_CALL, f'        print("hi")\n{IN_CALL}', "it printed 'hi'"),
    "leaves a thread": (IN_CALL, f"{THREAD}{IN_CALL}", "the thread 'left' is left"),
    "fails there": (
        IN_CALL,
        f"        from latm.plugin import Rejected; raise Rejected('not here')\n{IN_CALL}",
        "leaves no thread: Rejected: not here",
    ),
    "does without the SDK": (IN_INIT, "", "MissingDependency with a pip line: it did not matter"),
    "hides that the SDK is missing": (IN_INIT, HIDDEN, "MissingDependency with a pip line: PluginError"),
}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def examine(tmp_path, monkeypatch):
    """Judge a plugin whose module has just been written."""

    async def run(code):
        (tmp_path / "toy_plugin.py").write_text(textwrap.dedent(code))
        (tmp_path / "toy_sdk.py").write_text("")
        monkeypatch.syspath_prepend(str(tmp_path))
        for name in ("toy_plugin", "toy_sdk"):
            monkeypatch.delitem(sys.modules, name, raising=False)
        spec = Plugins.load({"toy": importlib.import_module("toy_plugin")}, allow=frozenset()).provider("toy")
        return await check_provider(spec, {"plain": Scenario(model="m")}, module="toy_plugin", sdk="toy_sdk")

    return run


async def test_a_good_plugin_passes(examine):
    report = await examine(GOOD)
    names = [each.name for each in report.checks if each.passed]
    assert "importing toy_plugin takes at most 50 ms, prints nothing, loads no SDK" in names
    assert "a call in a fresh process prints nothing and leaves no thread" in names
    assert "without toy_sdk there is MissingDependency with a pip line" in names
    assert not any("module=" in each for each in report.left_out)


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_fault_is_found(examine, fault):
    place, instead, says = FAULTS[fault]
    assert place in GOOD
    report = await examine(GOOD.replace(place, instead, 1))
    assert says in str(report), str(report)
