"""What the cells are made of, as the configuration says it."""

from __future__ import annotations

import pytest

from latm import Config, ConfigError
from latm._rooms import image_of
from latm_sandbox import Image


def settings(tmp_path, text):
    path = tmp_path / "latm.toml"
    path.write_text(f"[sandbox]\n{text}\n")
    return Config.load(path)


def test_nothing_is_the_running_interpreter(tmp_path):
    assert image_of(settings(tmp_path, "")) is None


def test_a_reference(tmp_path):
    assert image_of(settings(tmp_path, 'image = "python:3.13-slim"')) == "python:3.13-slim"


def test_packages(tmp_path):
    found = image_of(settings(tmp_path, 'packages = ["sympy==1.13.3", "attrs"]'))
    assert found == Image.from_host(["attrs", "sympy==1.13.3"])


def test_a_dockerfile(tmp_path):
    (tmp_path / "Dockerfile").write_text("FROM x")
    found = image_of(settings(tmp_path, f'dockerfile = "{tmp_path}"'))
    assert found == Image.dockerfile(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('image = "x"\npackages = ["a"]', "only one of image and packages can be given"),
        ('packages = "sympy"', "packages"),
        ("packages = [1]", "packages"),
        ('packages = ["../here"]', "is no requirement of a package"),
    ],
)
def test_what_is_no_image_is_told(tmp_path, text, said):
    with pytest.raises(ConfigError, match=said):
        image_of(settings(tmp_path, text))
