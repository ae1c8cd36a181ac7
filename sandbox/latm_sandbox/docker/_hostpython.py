"""The running interpreter as a file system: its binary, standard library and shared libraries, nothing else.

Everything is relocated to /usr/local, where Python finds its library by itself, so it does not matter whether
the host's Python lives in a home directory, in /usr or in a virtual environment, nor who may read it there.
"""

from __future__ import annotations

import hashlib
import io
import os
import platform
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Final

from latm_sandbox.errors import ImageError

_FORMAT: Final = 3  # counted up when what is collected changes, so that images of before are not used
_PREFIX: Final = PurePosixPath("usr/local")
_VERSION: Final = f"python{sys.version_info.major}.{sys.version_info.minor}"
_LEFT_OUT: Final = frozenset(
    {
        "test",
        "tests",
        "idlelib",
        "tkinter",
        "turtledemo",
        "lib2to3",
        "ensurepip",
        "site-packages",
        "dist-packages",
    }
)
_ACCOUNTS: Final = {
    "etc/passwd": "root:x:0:0:root:/:/bin/false\nnobody:x:65534:65534:nobody:/tmp:/bin/false\n",
    "etc/group": "root:x:0:\nnogroup:x:65534:\n",
    "etc/hosts": "127.0.0.1 localhost\n",
}
_ZONES: Final = Path("/usr/share/zoneinfo")
# What ldd prints: "libz.so.1 => /lib/libz.so.1 (0x...)", "/lib64/ld-linux-x86-64.so.2 (0x...)"
_LDD: Final = re.compile(r"^\s+(?:(\S+) => )?(/\S+) \(0x[0-9a-f]+\)$", re.MULTILINE)


def executable() -> Path:
    """The real interpreter behind whatever was started."""
    base: str = getattr(sys, "_base_executable", "") or sys.executable
    found = Path(os.path.realpath(base))
    if not base or not found.is_file():
        raise ImageError(
            "the running interpreter's own file cannot be found", remedy='pass image="python:3.X-slim"'
        )
    return found


def standard_library() -> Path:
    """Its directory; that of the base installation, also inside a virtual environment."""
    names = {"base": sys.base_prefix, "installed_base": sys.base_prefix, "platbase": sys.base_exec_prefix}
    return Path(sysconfig.get_path("stdlib", vars=names))


def fingerprint(packages: Iterable[str] = (), installed: Iterable[str] = ()) -> str:
    """Changes whenever the image would, and costs a few system calls.

    Args:
        packages: requirements that the image has.
        installed: distributions copied from the host, with their versions.
    """
    library = standard_library()
    parts = [str(_FORMAT), sys.version, platform.machine(), " ".join(platform.libc_ver()), *sorted(packages)]
    parts += [f"installed {each}" for each in sorted(installed)]
    for path in (executable(), library / "os.py", library, library / "lib-dynload", *_libpython()):
        if path.exists():
            state = path.stat()
            parts.append(f"{path} {state.st_size} {state.st_mtime_ns}")
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]


def _libpython() -> list[Path]:
    name, place = sysconfig.get_config_var("INSTSONAME"), sysconfig.get_config_var("LIBDIR")
    return [Path(place) / name] if name and place else []


class Archive:
    """A tar archive of the root file system, written once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._tar = tarfile.open(fileobj=file, mode="w")  # noqa: SIM115 - closed by close
        self._seen: set[str] = set()

    def _new(self, name: str) -> tarfile.TarInfo | None:
        """An entry with its parents, or None when it is there already."""
        if name in self._seen:
            return None
        self._seen.add(name)
        parent = str(PurePosixPath(name).parent)
        if parent != "." and (info := self._new(parent)) is not None:
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            self._tar.addfile(info)
        return tarfile.TarInfo(name)

    def directory(self, name: str, mode: int = 0o755) -> None:
        """Add an empty directory."""
        if (info := self._new(name)) is not None:
            info.type, info.mode = tarfile.DIRTYPE, mode
            self._tar.addfile(info)

    def text(self, name: str, text: str) -> None:
        """Add a small file."""
        if (info := self._new(name)) is not None:
            data = text.encode()
            info.size, info.mode = len(data), 0o644
            self._tar.addfile(info, io.BytesIO(data))

    def link(self, name: str, target: str) -> None:
        """Add a symbolic link."""
        if (info := self._new(name)) is not None:
            info.type, info.linkname = tarfile.SYMTYPE, target
            self._tar.addfile(info)

    def file(self, name: str, source: Path, *, mode: int = 0o644) -> None:
        """Add a file, links followed, readable by everyone; its time kept, since compiled files name it."""
        try:
            with source.open("rb") as stream:
                state = os.fstat(stream.fileno())
                if (info := self._new(name)) is not None:
                    info.size, info.mode, info.mtime = state.st_size, mode, int(state.st_mtime)
                    self._tar.addfile(info, stream)
        except FileNotFoundError:  # a dangling link
            return

    def close(self) -> None:
        """Finish the archive."""
        self._tar.close()


def collect(file: IO[bytes], packages: Path | None = None) -> None:
    """Write the root file system of the running interpreter to `file` as a tar archive.

    Args:
        file: where to.
        packages: a directory whose content becomes site-packages.

    Raises:
        ImageError: something that is needed cannot be read.
        OSError: `file` cannot be written.
    """
    binary, library = executable(), standard_library()
    try:
        inside = _PREFIX / library.relative_to(sys.base_prefix)
    except ValueError:
        inside = _PREFIX / "lib" / _VERSION
    archive = Archive(file)
    try:
        archive.file(f"{_PREFIX}/bin/{_VERSION}", binary, mode=0o755)
        for name in ("python3", "python"):
            archive.link(f"{_PREFIX}/bin/{name}", _VERSION)
        modules = list(_library_files(library))
        for path in modules:
            archive.file(f"{inside}/{path.relative_to(library)}", path)
        extensions = [path for path in modules if path.suffix == ".so"]
        if packages is not None:
            for path in sorted(packages.rglob("*")):
                if path.is_file():
                    archive.file(f"{inside}/site-packages/{path.relative_to(packages)}", path)
                    if ".so" in path.suffixes:
                        extensions.append(path)
        _shared_libraries(archive, [binary, *extensions], packages)
        _surroundings(archive)
        archive.close()
    except OSError as error:
        if error.filename is None:  # it is the archive that cannot be written
            raise
        raise ImageError(f"the running interpreter cannot be read: {error}") from error


def _library_files(library: Path) -> Iterator[Path]:
    tag = f".{sys.implementation.cache_tag}.pyc"
    for directory, names, files in os.walk(library, followlinks=False):
        names[:] = sorted(n for n in names if n not in _LEFT_OUT and not n.startswith("config-"))
        compiled = directory.endswith("__pycache__")
        for name in sorted(files):
            if name.endswith((".a", ".o", ".exe")) or (compiled and not name.endswith(tag)):
                continue
            yield Path(directory, name)


def _shared_libraries(archive: Archive, binaries: list[Path], packages: Path | None) -> None:
    """All that the dynamic loader would load, put where it looks unasked: beside libc."""
    needed: dict[str, str] = {}
    loaders: set[str] = set()
    for name, path in _ldd(binaries):
        if packages is not None and Path(path).resolve().is_relative_to(packages.resolve()):
            continue  # a package finds what it brings
        if name:
            needed.setdefault(name, path)
        else:
            loaders.add(path)
    libc = next((path for name, path in needed.items() if re.match(r"libc\.(so|musl)", name)), "/lib/libc.so")
    home = str(Path(libc).parent)
    for path in sorted(loaders):
        archive.file(path.lstrip("/"), Path(path), mode=0o755)
    for name, path in sorted(needed.items()):
        if "/" not in name:
            archive.file(f"{home.lstrip('/')}/{name}", Path(path), mode=0o755)
        else:  # the loader under another name
            archive.file(name.lstrip("/"), Path(path), mode=0o755)


def _ldd(binaries: list[Path]) -> list[tuple[str, str]]:
    try:
        done = subprocess.run(  # noqa: S603 - files of the running interpreter
            ["ldd", *map(str, binaries)],  # noqa: S607 - wherever the system has it
            capture_output=True,
            text=True,
            env={**os.environ, "LC_ALL": "C"},
            timeout=120,
            check=False,  # a static binary, or one extension whose library is missing, is no reason to fail
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ImageError(
            f"ldd does not run: {error}", remedy='install libc-bin, or pass image="python:3.X-slim"'
        ) from error
    return _LDD.findall(done.stdout)


def _surroundings(archive: Archive) -> None:
    for name, text in _ACCOUNTS.items():
        archive.text(name, text)
    for name in ("proc", "sys", "dev", "run", "var", "home"):
        archive.directory(name)
    archive.directory("tmp", 0o1777)
    if _ZONES.is_dir():
        for path in sorted(_ZONES.rglob("*")):
            if path.is_file() and not {"right", "posix"}.intersection(path.parts):
                archive.file(str(path).lstrip("/"), path)
