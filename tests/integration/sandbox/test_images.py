"""Images with packages and of Dockerfiles, in cells."""

from __future__ import annotations

import contextlib
import uuid

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


def run(image: Image, source: str):
    with Sandbox(image=image, pool=PoolPolicy(cells=1)) as sandbox:
        return sandbox.call(Program(source, "f"))


def test_packages_can_be_imported_and_are_listed(engine):
    image = Image.from_host(["sortedcontainers==2.4.0", "msgspec==0.19.0"])
    try:
        with Sandbox(image=image, pool=PoolPolicy(cells=1)) as sandbox:
            assert {"sortedcontainers", "msgspec"} <= set(sandbox.modules())
            source = (
                "import msgspec, sortedcontainers\n"
                "def f():\n"
                "    return [*msgspec.json.decode(b'[1]'), *sortedcontainers.SortedList([3, 2])]"
            )
            assert sandbox.call(Program(source, "f")).value == [1, 2, 3]
    except ImageError as error:
        if "Connection" in str(error) or "Temporary failure" in str(error):
            pytest.skip(f"the index cannot be reached: {error}")
        raise
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
