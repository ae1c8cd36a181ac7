"""Remove what latm left in Docker: cells that have ended, and the sandbox images. `make clean` runs it.

Cells that still run belong to some live process, perhaps an application on this machine: they stay, and so do
the images that they use.
"""

from __future__ import annotations

import json
import os
import sys
from http import HTTPStatus
from typing import TypedDict
from urllib.parse import quote

from setting_up import engine

LABEL = "io.latm.sandbox"
REPOSITORY = "latm-sandbox"
ENDED = {"exited", "dead"}


class Container(TypedDict):
    """What is read of the engine's list of containers."""

    Id: str
    State: str
    Labels: dict[str, str] | None


class Image(TypedDict):
    """What is read of the engine's list of images."""

    Id: str
    RepoTags: list[str] | None
    Labels: dict[str, str] | None


def main() -> int:
    """Clean up; where no engine answers there is nothing to clean."""
    host = os.environ.get("DOCKER_HOST") or engine.LOCAL_HOST
    if not engine.ping(host).ok:
        return 0
    cells, alive = remove_cells(host)
    images, used = remove_images(host)
    print(f"clean: removed {cells} ended cells and {images} sandbox images from Docker")
    if alive or used:
        print(f"clean: left {alive} cells of live processes and {used} images in use")
    return 0


def remove_cells(host: str) -> tuple[int, int]:
    """How many were removed, and how many stay."""
    containers: list[Container] = json.loads(engine.call(host, "GET", "/containers/json?all=1")[1])
    cells = [container for container in containers if _is_ours(container["Labels"])]
    removed = sum(_remove(host, f"/containers/{cell['Id']}?v=1") for cell in cells if cell["State"] in ENDED)
    return removed, len(cells) - removed


def remove_images(host: str) -> tuple[int, int]:
    """How many were removed, and how many stay because a container uses them."""
    images: list[Image] = json.loads(engine.call(host, "GET", "/images/json")[1])
    ours = [image for image in images if _tags_of_ours(image) or _is_ours(image["Labels"])]
    removed = sum(
        all(_remove(host, f"/images/{quote(name)}") for name in _tags_of_ours(image) or [image["Id"]])
        for image in ours
    )
    return removed, len(ours) - removed


def _is_ours(labels: dict[str, str] | None) -> bool:
    return any(label == LABEL or label.startswith(f"{LABEL}.") for label in labels or {})


def _tags_of_ours(image: Image) -> list[str]:
    return [tag for tag in image["RepoTags"] or [] if tag.rpartition(":")[0] == REPOSITORY]


def _remove(host: str, path: str) -> bool:
    """Never by force: the engine itself refuses what is in use."""
    return engine.call(host, "DELETE", path)[0] in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}


if __name__ == "__main__":
    sys.exit(main())
