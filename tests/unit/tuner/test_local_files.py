"""What the tuner ``local`` has on the disk: damaged, hostile or of another version, it is never taken."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

pytest.importorskip("skops")
np = pytest.importorskip("numpy")

from latm.errors import ConfigError  # noqa: E402 - the extra may be absent
from unit.tuner.test_local_tuner import job_of, load, said, train  # noqa: E402

pytestmark = pytest.mark.anyio


def weights_of(folder: Path) -> Path:
    return folder / "things-01234567" / "model.skops"


def change(folder: Path, **fields: object) -> None:
    about = folder / "things-01234567" / "model.json"
    about.write_text(json.dumps({**json.loads(about.read_text()), **fields}))


def replace_weights(folder: Path, made: object) -> None:
    """Put other weights in, with a digest that fits, as one would who means harm."""
    import hashlib

    import skops.io

    if isinstance(made, str):
        with zipfile.ZipFile(weights_of(folder), "w") as archive:
            archive.writestr("schema.json", made)
    else:
        skops.io.dump(made, weights_of(folder))
    change(folder, weights_sha256=hashlib.sha256(weights_of(folder).read_bytes()).hexdigest())


@pytest.mark.parametrize("kind", ["cut", "gone", "other", "about-cut", "about-list", "about-field", "format"])
async def test_what_is_damaged_is_said(tmp_path: Path, kind: str) -> None:
    await train(tmp_path, job_of())
    weights, about = weights_of(tmp_path), tmp_path / "things-01234567" / "model.json"
    match kind:
        case "cut":
            weights.write_bytes(weights.read_bytes()[:1000])
        case "gone":
            weights.unlink()
        case "other":
            replace_weights(tmp_path, "{}")
        case "about-cut":
            about.write_bytes(about.read_bytes()[:100])
        case "about-list":
            about.write_text("[]")
        case "about-field":
            change(tmp_path, temperature="hot")
        case _:
            change(tmp_path, format=2)
    with pytest.raises(ConfigError, match=r"train the model again|No such file") as caught:
        load(tmp_path)
    assert str(tmp_path) in str(caught.value)


async def test_a_hostile_file_runs_nothing(tmp_path: Path) -> None:
    await train(tmp_path, job_of())
    mark = tmp_path / "was-here"
    node = {
        "__class__": "call",
        "__module__": "operator",
        "__loader__": "OperatorFuncNode",
        "attrs": {
            "__class__": "tuple",
            "__module__": "builtins",
            "__loader__": "TupleNode",
            "content": [{
                "__class__": "str",
                "__module__": "builtins",
                "__loader__": "JsonNode",
                "content": json.dumps(f"touch {mark}"),
            }],
        },
    }  # fmt: skip
    hostile = {**node, "__class__": "system", "__module__": "posix", "__loader__": "ReduceNode"}
    for each, named in ((node, "operator.call"), (hostile, "posix.system")):
        replace_weights(tmp_path, json.dumps(each))
        with pytest.raises(ConfigError, match=f"holds {named}"):
            load(tmp_path)
    assert not mark.exists()


async def test_what_skops_trusts_is_not_enough(tmp_path: Path) -> None:
    import skops.io
    from sklearn.svm import SVC

    await train(tmp_path, job_of())
    for made in (SVC(), np.random.RandomState(0), {"x": np.int64}):
        replace_weights(tmp_path, made)
        assert skops.io.get_untrusted_types(file=weights_of(tmp_path)) == []
        with pytest.raises(ConfigError, match="no model of ours has"):
            load(tmp_path)


async def test_another_version_serves_what_it_says_alike(tmp_path: Path) -> None:
    await train(tmp_path, job_of())
    with zipfile.ZipFile(weights_of(tmp_path)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    import hashlib

    import sklearn

    older = parts["schema.json"].replace(
        json.dumps(json.dumps(sklearn.__version__)).encode(), b'"\\"1.5.0\\""'
    )
    assert older != parts["schema.json"]
    with zipfile.ZipFile(weights_of(tmp_path), "w") as archive:
        for name, data in {**parts, "schema.json": older}.items():
            archive.writestr(name, data)
    change(
        tmp_path,
        versions={"scikit-learn": "1.5.0"},
        weights_sha256=hashlib.sha256(weights_of(tmp_path).read_bytes()).hexdigest(),
    )
    assert await said(load(tmp_path), "a cat") == "pets"

    change(tmp_path, probes=[[0.5, 0.5], [0.5, 0.5]])
    with pytest.raises(ConfigError, match=r"scikit-learn 1\.5\.0 \(now .*install those versions"):
        load(tmp_path)
