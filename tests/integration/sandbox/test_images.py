"""Images with packages and of Dockerfiles, in cells."""

from __future__ import annotations

import contextlib
import importlib.metadata
import uuid
import zipfile
from pathlib import Path

import docker
import pytest

from latm_sandbox import Image, ImageError, PoolPolicy, Program, Sandbox
from latm_sandbox.docker._image import ensure_host, tag_of


@pytest.fixture
def engine():
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture
def dockerfile(engine, tmp_path):
    """Makes the image of a Dockerfile on top of the interpreter's; removed after the test."""
    made = []

    def make(text: str) -> Image:
        base = ensure_host(engine.api)
        (tmp_path / "Dockerfile").write_text(f"FROM {base}\nLABEL test={uuid.uuid4().hex}\n{text}\n")
        made.append(Image.dockerfile(tmp_path))
        return made[-1]

    yield make
    for image in made:
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine.images.remove(tag_of(image), force=True)


@pytest.fixture
def shelf(tmp_path, monkeypatch) -> Path:
    """A directory that is all that pip knows of packages."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return shelf


def wheel(shelf: Path, name: str, version: str, source: str, *, needs: str = "") -> None:
    """Put a package of one module on the shelf."""
    about = f"{name}-{version}.dist-info"
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    with zipfile.ZipFile(shelf / f"{name}-{version}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", source)
        file.writestr(f"{about}/METADATA", metadata + (f"Requires-Dist: {needs}\n" if needs else ""))
        file.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        file.writestr(f"{about}/RECORD", "")


def run(image: Image, source: str):
    with Sandbox(image=image, pool=PoolPolicy(cells=1)) as sandbox:
        return sandbox.call(Program(source, "f"))


def test_packages_and_what_they_need_can_be_imported_and_are_listed(engine, shelf):
    one, other = f"one_{uuid.uuid4().hex}", f"other_{uuid.uuid4().hex}"
    wheel(shelf, other, "2.0", "def twice(n):\n    return 2 * n\n")
    wheel(shelf, one, "1.0", f"from {other} import twice\n", needs=f"{other}>=1")
    image = Image.from_host([f"{one}==1.0"])
    try:
        with Sandbox(image=image, pool=PoolPolicy(cells=1)) as sandbox:
            assert {one, other, "json"} <= set(sandbox.modules())
            program = Program(f"import {one}\ndef f(n):\n    return {one}.twice(n)", "f")
            assert sandbox.call(program, 4).value == 8
        label = engine.images.get(tag_of(image)).labels["io.latm.packages"]
        assert sorted(label.replace("-", "_").split()) == sorted([f"{one}==1.0", f"{other}==2.0"])
        for path in shelf.iterdir():
            path.unlink()
        assert run(image, f"import {other}\ndef f():\n    return {other}.twice(5)").value == 10  # made once
    finally:
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine.images.remove(tag_of(image), force=True)


def test_what_is_installed_here_works_in_a_cell_without_an_index(engine, monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    image = Image.from_host(installed=["hypothesis"])
    source = (
        "import hypothesis, sortedcontainers, sys\n"
        "from hypothesis import given, settings, strategies as st\n"
        "def f():\n    seen = []\n"
        "    @settings(database=None, max_examples=20)\n    @given(st.integers())\n"
        "    def test(n):\n        seen.append(n)\n    test()\n"
        "    return hypothesis.__version__, len(seen), 'pytest' in sys.modules\n"
    )
    outcome = run(image, source)
    assert outcome.value == (importlib.metadata.version("hypothesis"), 20, False), outcome
    label = engine.images.get(tag_of(image)).labels["io.latm.packages"].split()
    assert f"hypothesis=={importlib.metadata.version('hypothesis')}" in label
    with Sandbox(image=image, pool=PoolPolicy(cells=1)) as sandbox:
        assert "pytest" not in sandbox.modules()


def test_a_package_that_is_not_to_be_had_is_named(shelf):
    with pytest.raises(ImageError, match=r"the packages nowhere==1 cannot be installed.*check name"):
        run(Image.from_host(["nowhere==1"]), "def f(): return 1")


def test_a_package_of_source_alone_is_not_built(shelf):
    (shelf / "sourced-1.0.tar.gz").write_bytes(b"never opened")
    with pytest.raises(ImageError, match=r"sourced==1\.0 .*without a wheel .*Image\.dockerfile"):
        run(Image.from_host(["sourced==1.0"]), "def f(): return 1")


def test_an_index_that_does_not_answer_is_named(monkeypatch):
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(ImageError, match=r"the packages anything==1 cannot be installed"):
        run(Image.from_host(["anything==1"]), "def f(): return 1")


@pytest.mark.soak
def test_packages_in_compiled_code_work_within_the_limits(engine):
    image = Image.from_host(["sympy==1.13.3", "numpy==2.2.6"])
    try:
        with Sandbox(image=image, pool=PoolPolicy(cells=1)) as sandbox:
            solve = Program(
                "import sympy\ndef f(text):\n    x = sympy.Symbol('x')\n"
                "    return sorted(int(root) for root in sympy.solve(text, x))"
            )
            assert sandbox.call(solve, "x**2 - 5*x + 6").value == [2, 3]
            invert = Program(
                "import numpy as np\ndef f(n):\n    m = np.eye(n) * 2\n"
                "    return float(np.linalg.inv(m).trace())"
            )
            assert sandbox.call(invert, 300).value == 150.0
    finally:
        with contextlib.suppress(docker.errors.ImageNotFound):
            engine.images.remove(tag_of(image), force=True)


def test_what_an_image_sets_does_not_reach_the_interpreter(dockerfile):
    image = dockerfile(
        "ENV PYTHONHOME=/nowhere LD_PRELOAD=/nowhere.so SECRET=1\n"
        'USER root\nENTRYPOINT ["/nowhere"]\nHEALTHCHECK CMD ["/nowhere"]'
    )
    outcome = run(image, "import os\ndef f():\n return [os.environ.get('SECRET'), os.getuid()]")
    assert outcome.value == [None, 65534]


def test_volumes_are_refused_by_name(dockerfile):
    with pytest.raises(ImageError, match=r"volumes \(/data\)"):
        run(dockerfile("VOLUME /data"), "def f(): return 1")


def test_a_step_that_fails_is_named(dockerfile):
    with pytest.raises(ImageError, match=r"Step 3/3 : COPY absent /"):
        run(dockerfile("COPY absent /"), "def f(): return 1")


def test_an_image_without_python_is_named(dockerfile, tmp_path):
    image = dockerfile("")
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nLABEL test={uuid.uuid4().hex}\n")
    with pytest.raises(ImageError, match="has no python3"):
        run(image, "def f(): return 1")


def test_an_image_whose_python_lacks_what_the_guest_needs_is_named(dockerfile):
    lost = "import json, shutil; shutil.rmtree(json.__path__[0])"
    with pytest.raises(ImageError, match=r"does not run in this image \(ModuleNotFoundError: .*json"):
        run(dockerfile(f'RUN ["python3", "-c", "{lost}"]'), "def f(): return 1")
