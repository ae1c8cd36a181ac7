"""Distributions that are installed: what they require, what is copied, and what cannot be."""

from __future__ import annotations

import importlib.metadata
import json
import sys
import uuid
from pathlib import Path

import pytest
from packaging.markers import InvalidMarker, Marker
from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as Known

from latm_sandbox import Image, ImageError
from latm_sandbox.docker import _installed, _markers
from latm_sandbox.docker._image import tag_of


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A directory that Python finds distributions in; puts some there."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def put(
        name: str, version: str = "1.0", *, needs: tuple[str, ...] = (), origin: object = None, record=True
    ):
        about = tmp_path / f"{name}-{version}.dist-info"
        about.mkdir()
        lines = [f"Name: {name}", f"Version: {version}", *(f"Requires-Dist: {each}" for each in needs)]
        (about / "METADATA").write_text("Metadata-Version: 2.1\n" + "\n".join(lines) + "\n")
        (tmp_path / f"{name}.py").write_text(f"NAME = {name!r}\n")
        files = [f"{name}.py", f"{about.name}/METADATA", "../../../bin/tool"]
        if record:
            (about / "RECORD").write_text("".join(f"{file},,\n" for file in files))
        if origin is not None:
            (about / "direct_url.json").write_text(json.dumps(origin))
        return about

    return put


def fresh(word: str) -> str:
    return f"{word}_{uuid.uuid4().hex}"


def test_what_is_required_comes_along_where_its_marker_says_so(site, tmp_path):
    names = [fresh(word) for word in ("top", "always", "old", "extra", "deep")]
    top, always, old, extra, deep = names
    needs = (f"{always}>=1", f'{old}>=1; python_version < "3"', f'{extra}; extra == "More_Things"')
    site(top, needs=needs)
    site(always, "2.5", needs=(f"{deep} (>=1)", f"{top}"))
    site(extra)
    site(deep)
    plain = {_markers.normal(name) for name in (top, always, deep)}
    assert set(_installed.closure([top])) == plain
    assert set(_installed.closure([f"{top}[more-things]"])) == plain | {_markers.normal(extra)}
    target = tmp_path / "target"
    target.mkdir()
    said = _installed.copy([top.upper().replace("_", "-")], target)
    assert f"{_markers.normal(always)}==2.5" in said
    assert sorted(path.name for path in target.glob("*.py")) == sorted(
        f"{name}.py" for name in (top, always, deep)
    )
    assert list(target.rglob("tool")) == []  # a script lies outside
    assert {path.name.partition(".")[0] for path in target.rglob("*.pyc")} == {top, always, deep}


def test_an_upgrade_makes_another_image(site):
    name = fresh("upgraded")
    about = site(name)
    image = Image.from_host(installed=[name])
    before = tag_of(image)
    assert before == tag_of(image) != tag_of(Image())
    about.rename(about.with_name(f"{name}-1.1.dist-info"))
    metadata = about.with_name(f"{name}-1.1.dist-info") / "METADATA"
    metadata.write_text(metadata.read_text().replace("Version: 1.0", "Version: 1.1"))
    assert tag_of(image) != before


def test_what_cannot_be_copied_is_named_with_what_helps(site):
    with pytest.raises(ImageError, match=r"nowhere is not installed.*pip install nowhere"):
        tag_of(Image.from_host(installed=["nowhere"]))
    needing, editable, mute = fresh("needing"), fresh("editable"), fresh("mute")
    site(needing, needs=("nowhere>=2",))
    with pytest.raises(ImageError, match=rf"nowhere, which {needing} requires, is not installed"):
        _installed.versions([needing])
    site(editable, origin={"url": "file:///src", "dir_info": {"editable": True}})
    with pytest.raises(ImageError, match=r"is installed as editable.*as a wheel"):
        _installed.versions([editable])
    site(mute, record=False)
    with pytest.raises(ImageError, match=r"does not say which files"):
        _installed.versions([mute])


def test_files_that_are_gone_are_named(site, tmp_path):
    name = fresh("broken")
    site(name)
    (tmp_path / f"{name}.py").unlink()
    with pytest.raises(ImageError, match=r"is not whole.*force-reinstall"):
        _installed.copy([name], tmp_path / "target")


def test_what_is_in_the_image_already_is_not_written_over(site, tmp_path):
    name = fresh("twice")
    site(name)
    target = tmp_path / "target"
    target.mkdir()
    _installed.copy([name], target)
    with pytest.raises(ImageError, match="in packages or in installed, not in both"):
        _installed.copy([name], target)


def test_requirements_and_markers_are_read_as_the_standard_library_of_packaging_does():
    looked_at = 0
    for distribution in importlib.metadata.distributions():
        for line in distribution.requires or ():
            try:
                known = Known(line)
            except InvalidRequirement:
                continue
            read = _markers.read(line)
            assert read is not None
            assert (read.name, read.extras) == (
                _markers.normal(known.name),
                frozenset(map(_markers.normal, known.extras)),
            )
            for extra in ("", "all", "cli", "testing"):
                expected = known.marker is None or known.marker.evaluate({"extra": extra})
                assert _markers.applies(read.marker, frozenset({extra} - {""})) == expected, line
                looked_at += 1
    assert looked_at > 100


@pytest.mark.parametrize(
    "marker",
    [
        'python_version >= "3.9" and (sys_platform == "linux" or os_name == "nt")',
        'python_full_version < "3.11.0" or python_version in "3.11 3.12"',
        '"linux" in sys_platform and platform_machine not in "ppc64le s390x"',
        'python_version == "3.*"',
        'implementation_name != "pypy" and python_version > "3.2"',
    ],
)
def test_a_marker_says_what_packaging_says(marker):
    try:
        expected = Marker(marker).evaluate()
    except InvalidMarker:
        pytest.skip("not for this version of packaging")
    assert _markers.applies(marker, frozenset()) == expected


def test_a_marker_that_cannot_be_read_counts():
    for marker in ("what ==", "unknown_name == 'a'", "__import__('os')"):
        assert _markers.applies(marker, frozenset())


def test_hypothesis_is_found_beside_this_interpreter():
    assert {"hypothesis", "sortedcontainers"} <= {
        line.partition("==")[0] for line in _installed.versions(["hypothesis"])
    }
    assert Path(sys.executable).exists()
