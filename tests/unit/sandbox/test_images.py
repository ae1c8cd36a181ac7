"""Images as values: what is taken, what is refused, and when a Dockerfile is another."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import docker.errors
import pytest

from latm_sandbox import Image, ImageError
from latm_sandbox._bubblewrap import root_directory
from latm_sandbox._images import as_image
from latm_sandbox._launcher import LauncherOptions
from latm_sandbox.docker import _hostpython, _image
from latm_sandbox.docker._image import ensure, tag_of


def test_packages_are_a_set_of_requirements():
    one = Image.from_host(["b==1", "a[x,y]>=2,<3; python_version > '3'"])
    assert one == Image.from_host(["a[x,y]>=2,<3; python_version > '3'", "b==1", "b==1"])
    assert tag_of(one) != tag_of(Image.from_host()) == tag_of(as_image(None))


@pytest.mark.parametrize(
    "text", ["", "--pre", "./a", "a @ https://x/a.tar.gz", "/a", "git+ssh://x", "a\n-r b", "$(a)"]
)
def test_what_pip_would_build_or_take_for_an_option_is_refused(text):
    with pytest.raises(ImageError, match="no requirement"):
        Image.from_host([text])


def test_a_text_of_packages_is_refused():
    with pytest.raises(ImageError, match="a list of requirements"):
        Image.from_host("sympy")


def test_what_is_installed_is_named_without_versions():
    assert Image.from_host(installed=["b", "a[x, y]", "b"]).installed == ("a[x, y]", "b")
    for wrong in ("", "a==1", "./a", "--pre", "a @ https://x", "a; python_version > '3'"):
        with pytest.raises(ImageError, match=r"no distribution's name.*alone, such as hypothesis"):
            Image.from_host(installed=[wrong])
    with pytest.raises(ImageError, match=r"installed=\['hypothesis'\]"):
        Image.from_host(installed="hypothesis")


def test_bubblewrap_has_nothing_that_is_installed():
    from latm_sandbox._bubblewrap import SPEC

    with pytest.raises(ImageError, match=r"bubblewrap has no images.*\(hypothesis\)"):
        SPEC.create(LauncherOptions(image=Image.from_host(installed=["hypothesis"])))


def test_what_is_no_image_is_refused():
    assert as_image("python:3.13-slim") == Image.reference("python:3.13-slim")
    for wrong in (3, "", " "):
        with pytest.raises(ImageError, match=r"python:3\.13-slim"):
            as_image(wrong)


def test_a_dockerfile_is_known_by_what_the_engine_would_be_sent(tmp_path):
    with pytest.raises(ImageError, match="has no Dockerfile"):
        tag_of(Image.dockerfile(tmp_path))
    with pytest.raises(ImageError, match="is not there"):
        tag_of(Image.dockerfile(tmp_path / "gone"))
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("ignored\n")
    before = tag_of(Image.dockerfile(tmp_path))
    assert before == tag_of(Image.dockerfile(tmp_path / "Dockerfile"))
    (tmp_path / "ignored").write_text("1")
    assert tag_of(Image.dockerfile(tmp_path)) == before
    (tmp_path / "sent").write_text("1")
    assert tag_of(Image.dockerfile(tmp_path)) != before


class Puller:
    """An engine that has what was pulled, unless it loses it."""

    def __init__(self, *, loses: bool = False) -> None:
        self.asked: list[str] = []
        self._loses = loses

    def inspect_image(self, reference):
        if self._loses or reference not in self.asked:
            raise docker.errors.ImageNotFound(reference)

    def pull(self, reference):
        self.asked.append(reference)


@pytest.mark.parametrize(
    "reference", ["python", "python:3.13", "a.example:5000/team/python", "python@sha256:" + "0" * 64]
)
def test_a_reference_that_is_not_there_is_pulled_as_it_is_written(reference):
    engine = Puller()
    assert ensure(engine, Image.reference(reference)) == reference
    assert ensure(engine, Image.reference(reference)) == reference
    assert engine.asked == [reference]


def test_an_engine_that_says_it_pulled_and_has_nothing_is_not_believed():
    with pytest.raises(ImageError, match=r"cannot be pulled .*docker pull python:3"):
        ensure(Puller(loses=True), Image.reference("python:3"))


def test_builds_are_kept_apart_where_the_runtime_directory_is_another_user_s(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "nowhere"))  # as `su` leaves it
    with _image._lock():
        (file,) = tmp_path.iterdir()
    file.unlink()
    file.mkdir()
    with pytest.raises(ImageError, match=f"builds cannot be kept apart.*remove {file}"), _image._lock():
        pass


def test_a_host_without_room_for_the_image_is_not_taken_for_one_without_an_engine(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(ImageError, match=r"cannot be made: .*set TMPDIR"):
        _image._build_host(None, Image(), "latm-sandbox:none")


def test_an_archive_that_cannot_be_written_is_not_taken_for_a_python_that_cannot_be_read():
    with Path("/dev/full").open("wb", buffering=0) as full, pytest.raises(OSError, match="No space left"):
        _hostpython.collect(full)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_root_that_somebody_else_has_put_there_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    base = tmp_path / f"latm-sandbox-{os.getuid()}"
    (base / f"root-{_hostpython.fingerprint()}").mkdir(parents=True)
    assert root_directory().parent == base
    os.chown(base, 65534, 65534)
    with pytest.raises(ImageError, match=f"{base} belongs to somebody else: remove"):
        root_directory()


def test_a_root_that_cannot_be_unpacked_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="ldd does not run"):
        root_directory()
    assert not list((tmp_path / f"latm-sandbox-{os.getuid()}").iterdir())
