"""A service of OpenAI's shape that fine-tunes: files, jobs, events, checkpoints, models, chat completions."""

from __future__ import annotations

import itertools
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeAlias, final
from urllib.parse import parse_qs, unquote, urlsplit

from latm.plugin import Usage
from latm.sdk import read_object
from latm.testing._bodies import write_openai
from latm.testing._learnt import Learnt, multipart
from latm.testing._loopback import HttpReply, LoopbackServer, RecordedRequest
from latm.testing._requests import read_request
from latm.testing._servers import Face, Scripted, ServerScript
from latm.testing._shapes import openai_error

__all__ = ["TuningServer"]

Before: TypeAlias = "Callable[[RecordedRequest], HttpReply | None]"
After: TypeAlias = "Callable[[RecordedRequest, HttpReply], HttpReply | None]"

_PLAN = ("validating_files", "queued", "running", "running", "running", "succeeded")
_FINAL = frozenset({"succeeded", "failed", "cancelled"})
_FEWEST_LINES = 10
_EPOCHS = 3  # where the caller leaves them to the service
_FIRST_SECOND = 1_800_000_000


@final
class TuningServer(Face):
    """A context manager: a service that fine-tunes, for the whole of an experiment on the loopback interface.

    Nothing in it takes time: a job takes a step whenever it is looked at. A model that comes of one answers
    by what it was trained on: with the label whose texts share most words with the question.

    Args:
        script: of all models that did not come of a job here, as for `OpenAIServer`.
        plan: the states of a job, one for each time that it is looked at, the first when it is created. Every
            ``running`` among them is a training step, with an event and a checkpoint.
        error: of a job whose plan ends with ``failed``: ``code``, ``message``, ``param``.
        late: how many listings do not show yet what was created.
        page: how many entries a listing has at most.
        metadata: False for a service that keeps no metadata of jobs.
        shutdown: the date at which the service will stop to serve the models that come of jobs.
        before: may answer in place of the service, to which nothing happens then.
        after: may answer in place of the service, to which it has happened.
        port: where to listen; on a free port if 0.
    """

    _base = "/v1"

    def __init__(
        self,
        script: ServerScript = (),
        *,
        plan: Sequence[str] = _PLAN,
        error: Mapping[str, str | None] | None = None,
        late: int = 0,
        page: int = 100,
        metadata: bool = True,
        shutdown: str | None = None,
        before: Before | None = None,
        after: After | None = None,
        port: int = 0,
    ) -> None:
        super().__init__(LoopbackServer(self._respond, port=port))
        self.plan = tuple(plan)
        self.error = error
        self.before = before
        self.after = after
        self._late, self._page, self._metadata, self._shutdown = late, page, metadata, shutdown
        self._base_models = Scripted(script, write_openai)
        self._tuned_models = Scripted(self._say, write_openai)
        self._lock = threading.RLock()
        self._numbers = itertools.count(1)
        self._files: dict[str, dict[str, Any]] = {}
        self._texts: dict[str, bytes] = {}
        self._jobs: dict[str, dict[str, Any]] = {}
        self._plans: dict[str, list[str]] = {}
        self._events: dict[str, list[dict[str, Any]]] = {}
        self._checkpoints: dict[str, list[dict[str, Any]]] = {}
        self._models: dict[str, dict[str, Any]] = {}
        self._learnt: dict[str, Learnt] = {}
        self._hidden: Counter[str] = Counter()

    def __enter__(self) -> TuningServer:
        self._enter()
        return self

    @property
    def usage(self) -> Usage:
        """The tokens of all replies of models."""
        return self._base_models.usage + self._tuned_models.usage

    @property
    def files(self) -> list[Mapping[str, Any]]:
        """All that were uploaded, oldest first."""
        with self._lock:
            return [dict(each) for each in self._files.values()]

    @property
    def jobs(self) -> list[Mapping[str, Any]]:
        """All that were created, oldest first."""
        with self._lock:
            return [dict(each) for each in self._jobs.values()]

    @property
    def models(self) -> list[str]:
        """Those that came of jobs and were not deleted."""
        with self._lock:
            return list(self._models)

    def content(self, file: str) -> bytes:
        """What was uploaded, by its id."""
        with self._lock:
            return self._texts[file]

    def forget(self, job: str) -> None:
        """Drop a job, as if another had deleted it."""
        with self._lock:
            del self._jobs[job]

    def _respond(self, request: RecordedRequest) -> HttpReply:
        if self.before is not None and (instead := self.before(request)) is not None:
            return instead
        parts = urlsplit(request.path)
        path = tuple(unquote(each) for each in parts.path.removeprefix(self._base).strip("/").split("/"))
        if path == ("chat", "completions"):
            reply = self._complete(request)
        else:
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            with self._lock:
                reply = self._serve(request, path, query)
        instead = None if self.after is None else self.after(request, reply)
        return reply if instead is None else instead

    def _serve(self, request: RecordedRequest, path: tuple[str, ...], query: Mapping[str, str]) -> HttpReply:
        match (request.method, *path):
            case ("POST", "files"):
                return self._upload(request)
            case ("GET", "files"):
                wanted = query.get("purpose")
                return self._list((e for e in self._files.values() if wanted in (None, e["purpose"])), query)
            case ("GET", "files", name) if name in self._files:
                return HttpReply(body=self._files[name])
            case (method, "fine_tuning", "jobs", *rest):
                return self._jobs_side(method, rest, request, query)
            case (method, "models", *rest):
                return self._models_side(method, rest)
            case _:
                return openai_error(404, f"{request.method} {request.path}: there is no such thing")

    def _jobs_side(
        self, method: str, path: Sequence[str], request: RecordedRequest, query: Mapping[str, str]
    ) -> HttpReply:
        match (method, *path):
            case ("POST",):
                return self._create(read_object(request.body))
            case ("GET",):
                return self._list((job for job in self._jobs.values() if self._fits(job, query)), query)
            case (_, name, *rest) if name in self._jobs:
                return self._of_a_job(method, self._jobs[name], rest, query)
            case _:
                return openai_error(404, f"Could not find fine tune: {'/'.join(path)}")

    def _models_side(self, method: str, path: Sequence[str]) -> HttpReply:
        match (method, *path):
            case ("GET",):
                return HttpReply(body={"object": "list", "data": list(self._models.values())})
            case ("GET", name) if name in self._models:
                return HttpReply(body=self._models[name])
            case ("DELETE", name) if name in self._models:
                del self._models[name]
                return HttpReply(body={"id": name, "object": "model", "deleted": True})
            case _:
                return openai_error(404, f"The model {'/'.join(path)!r} does not exist")

    def _upload(self, request: RecordedRequest) -> HttpReply:
        fields = multipart(request)
        if "file" not in fields or "purpose" not in fields:
            return openai_error(400, "file and purpose are needed")
        (name, content), (_, purpose) = fields["file"], fields["purpose"]
        file: dict[str, Any] = {
            **self._entry("file", "file"),
            "bytes": len(content),
            "filename": name,
            "purpose": purpose.decode(),
            "status": "processed",
            "status_details": None,
        }
        self._files[file["id"]] = file
        self._texts[file["id"]] = content
        return HttpReply(body=file)

    def _create(self, asked: Mapping[str, Any]) -> HttpReply:
        for key in ("training_file", "validation_file"):
            if (file := asked.get(key)) is not None and file not in self._files:
                return openai_error(400, f"{key}: there is no file {file!r}")
        job: dict[str, Any] = {
            **self._entry("ftjob", "fine_tuning.job"),
            "model": asked.get("model"),
            "organization_id": "org-1",
            "status": self.plan[0],
            "training_file": asked.get("training_file"),
            "validation_file": asked.get("validation_file"),
            "method": asked.get("method"),
            "hyperparameters": {},
            "seed": asked.get("seed") or 0,
            "suffix": asked.get("suffix"),
            "metadata": asked.get("metadata") if self._metadata else None,
            "error": None,
            "fine_tuned_model": None,
            "finished_at": None,
            "trained_tokens": None,
            "result_files": [],
        }
        name = job["id"]
        self._jobs[name] = job
        self._plans[name] = list(self.plan[1:])
        self._events[name], self._checkpoints[name] = [], []
        self._tell(job, "Created fine-tuning job: " + name)
        return HttpReply(body=job)

    def _of_a_job(
        self, method: str, job: dict[str, Any], rest: Sequence[str], query: Mapping[str, str]
    ) -> HttpReply:
        match (method, *rest):
            case ("GET",):
                self._advance(job)
                return HttpReply(body=job)
            case ("GET", "events"):
                return self._list(self._events[job["id"]], query)
            case ("GET", "checkpoints"):
                return self._list(self._checkpoints[job["id"]], query)
            case ("POST", "cancel" | "pause" | "resume" as what):
                if job["status"] in _FINAL:
                    return openai_error(400, f"Job has already {job['status']}.")
                job["status"] = {"cancel": "cancelled", "pause": "paused", "resume": "queued"}[what]
                self._tell(job, f"The job is {job['status']}")
                return HttpReply(body=job)
            case _:
                return openai_error(404)

    def _advance(self, job: dict[str, Any]) -> None:
        plan = self._plans[job["id"]]
        if job["status"] in {*_FINAL, "paused"} or not plan:
            return
        lines = self._texts[job["training_file"]].decode().splitlines()
        if len(lines) < _FEWEST_LINES:
            self._fail(job, {"code": "invalid_n_examples", "param": "training_file",
                             "message": f"Training file has {len(lines)} example(s), but must have at least "
                                        f"{_FEWEST_LINES} examples"})  # fmt: skip
            return
        job["status"] = plan.pop(0)
        if job["status"] == "running":
            self._step(job)
        elif job["status"] == "failed":
            self._fail(
                job, self.error or {"code": "server_error", "message": "The job failed.", "param": None}
            )
        elif job["status"] == "succeeded":
            self._finish(job, lines)
        else:
            self._tell(job, f"The job is {job['status']}")

    def _step(self, job: dict[str, Any]) -> None:
        number = len(self._checkpoints[job["id"]]) + 1
        loss = round(1 / number, 4)
        data = {"step": number, "train_loss": loss}
        if job["validation_file"] is not None:
            data["valid_loss"] = round(loss + 0.1, 4)
        self._tell(job, f"Step {number}: training loss={loss}", kind="metrics", data=data)
        self._checkpoints[job["id"]].append(
            {
                **self._entry("ftckpt", "fine_tuning.job.checkpoint"),
                "fine_tuned_model_checkpoint": f"{_model_of(job)}:ckpt-step-{number}",
                "fine_tuning_job_id": job["id"],
                "step_number": number,
                "metrics": data,
            }
        )

    def _fail(self, job: dict[str, Any], error: Mapping[str, str | None]) -> None:
        job["status"], job["error"] = "failed", dict(error)
        job["finished_at"] = job["created_at"] + 60
        self._tell(job, f"The job failed: {error.get('message')}", level="error")

    def _finish(self, job: dict[str, Any], lines: Sequence[str]) -> None:
        model = _model_of(job)
        asked = read_object(read_object(read_object(job["method"]).get("supervised")).get("hyperparameters"))
        epochs = asked.get("n_epochs", "auto")
        words = sum(len(line.split()) for line in lines)
        job |= {
            "fine_tuned_model": model,
            "finished_at": job["created_at"] + 60,
            "trained_tokens": words * (epochs if isinstance(epochs, int) else _EPOCHS),
        }
        self._learnt[model] = Learnt(lines)
        self._models[model] = {"id": model, "object": "model", "created": job["created_at"], "owned_by": "us"}
        if self._shutdown is not None:
            self._models[model]["shutdown_date"] = self._shutdown
        self._tell(job, f"New fine-tuned model created: {model}")
        self._tell(job, "The job has successfully completed")

    def _tell(
        self,
        job: Mapping[str, Any],
        message: str,
        *,
        level: str = "info",
        kind: str = "message",
        data: object = None,
    ) -> None:
        entry = self._entry("ftevent", "fine_tuning.job.event")
        self._events[job["id"]].append(
            {**entry, "level": level, "message": message, "type": kind, "data": data}
        )
        self._hidden.pop(entry["id"], None)

    def _entry(self, prefix: str, kind: str) -> dict[str, Any]:
        number = next(self._numbers)
        name = f"{prefix}-{number}"
        if prefix in ("file", "ftjob"):
            self._hidden[name] = self._late
        return {"id": name, "object": kind, "created_at": _FIRST_SECOND + number}

    def _list(self, entries: Iterable[Mapping[str, Any]], query: Mapping[str, str]) -> HttpReply:
        """A page of a listing, newest first."""
        shown: list[Mapping[str, Any]] = []
        for each in list(entries)[::-1]:
            if self._hidden[each["id"]] > 0:
                if "after" not in query:
                    self._hidden[each["id"]] -= 1
            else:
                shown.append(each)
        if (after := query.get("after")) is not None:
            names = [each["id"] for each in shown]
            shown = shown[names.index(after) + 1 :] if after in names else []
        size = min(self._page, int(query.get("limit", "20")))
        page = shown[:size]
        return HttpReply(
            body={
                "object": "list",
                "data": page,
                "first_id": page[0]["id"] if page else None,
                "last_id": page[-1]["id"] if page else None,
                "has_more": len(shown) > size,
            }
        )

    def _fits(self, job: Mapping[str, Any], query: Mapping[str, str]) -> bool:
        wanted = {name[9:-1]: value for name, value in query.items() if re.fullmatch(r"metadata\[.+\]", name)}
        return not self._metadata or wanted.items() <= read_object(job["metadata"]).items()

    def _complete(self, request: RecordedRequest) -> HttpReply:
        model = str(read_object(request.body).get("model"))
        if not model.startswith("ft:"):
            return self._base_models.respond(request)
        with self._lock:
            there = model.partition(":ckpt-")[0] in self._models
        return self._tuned_models.respond(request) if there else openai_error(404, f"no model {model!r}")

    def _say(self, request: RecordedRequest) -> str:
        with self._lock:
            learnt = self._learnt[str(request.body["model"]).partition(":ckpt-")[0]]
        return learnt.label(read_request(request).messages[-1].text)


def _model_of(job: Mapping[str, Any]) -> str:
    return f"ft:{job['model']}:latm:{job['suffix'] or ''}:{job['id'].removeprefix('ftjob-')}"
