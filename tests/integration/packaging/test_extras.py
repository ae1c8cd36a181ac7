"""Each extra alone: what it is for works, and what is absent says how to get it.

The wheel is installed; what it needs is linked from this environment, as far as the wheel's metadata ask for
it and no further. With `make soak` pip installs it all from the index instead, into an environment for each.
"""

from __future__ import annotations

import time
import tomllib
from pathlib import Path

import pytest

from house import ROOT
from integration.packaging import environments, uses

EXTRAS = tuple(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"])
SINGLE = tuple(name for name in EXTRAS if name != "all")
PROGRAM = uses.__file__


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The Python of an environment with the wheel, and nothing else in it."""
    found = environments.bare(tmp_path_factory.mktemp("environment"))
    environments.install(found, "--no-deps", "--no-index", str(wheel))
    return found


def check(python: str, folder: Path, *arguments: str, **environment: str) -> None:
    done = environments.run([python, "-P", "-W", "error", PROGRAM, *arguments], folder, **environment)
    assert done.returncode == 0, done.stdout + done.stderr


def url(socket: str) -> str:
    return f"postgresql://latm@/postgres?host={socket}"


def linked(extra: str, wheel: Path, folder: Path) -> str:
    """A folder to import from, with all that an extra brings and nothing that another one does."""
    target = folder / (extra or "none")
    environments.link(environments.needed(wheel, extra), target)
    return str(target)


def test_every_extra_is_looked_at() -> None:
    assert set(uses.USES) == {"", *SINGLE}


@pytest.mark.parametrize("extra", [each for each in SINGLE if each != "postgres"])
def test_an_extra_alone_is_enough_for_what_it_is_for(
    extra: str, python: str, wheel: Path, tmp_path: Path
) -> None:
    check(python, tmp_path, "use", extra, PYTHONPATH=linked(extra, wheel, tmp_path))


def test_the_extra_of_a_database_is_enough_for_it(
    python: str, wheel: Path, tmp_path: Path, postgres_socket: str
) -> None:
    environment = {"PYTHONPATH": linked("postgres", wheel, tmp_path)}
    check(python, tmp_path, "use", "postgres", LATM_TEST_POSTGRES=url(postgres_socket), **environment)


def test_none_is_needed_for_the_rest_and_what_is_missing_is_told(
    python: str, wheel: Path, tmp_path: Path
) -> None:
    environment = {"PYTHONPATH": linked("", wheel, tmp_path), "LATM_TEST_POSTGRES": url("/nowhere")}

    check(python, tmp_path, "use", "", **environment)
    check(python, tmp_path, "without", *SINGLE, **environment)


@pytest.mark.soak
@pytest.mark.parametrize("extra", ["", *EXTRAS])
def test_pip_installs_an_extra_alone(
    extra: str, wheel: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    start = time.monotonic()
    python = environments.bare(tmp_path / "environment")
    environments.install(python, f"{wheel}[{extra}]" if extra else str(wheel))
    installed_s = time.monotonic() - start
    environment = {"LATM_TEST_POSTGRES": url("/nowhere")}
    if extra in {"postgres", "all"}:
        environment["LATM_TEST_POSTGRES"] = url(request.getfixturevalue("postgres_socket"))
    check(python, tmp_path, "use", *(["", *SINGLE] if extra == "all" else [extra]), **environment)
    if not extra:
        check(python, tmp_path, "without", *SINGLE, **environment)
    files = [file for file in (tmp_path / "environment").rglob("*") if file.is_file()]
    size_mb = sum(file.stat().st_size for file in files) / 1e6
    all_s = time.monotonic() - start
    print(f"latm[{extra}]: {size_mb:.0f} MB, installed in {installed_s:.1f} s, all in {all_s:.1f} s")
