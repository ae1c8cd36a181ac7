"""What fine-tuning asks of the service: files, jobs and models, each question with one call of the SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from datetime import date
from functools import partial
from typing import Any, final
from urllib.parse import urlsplit

from latm.errors import BackendError, Rejected, Unavailable
from latm.sdk import is_list, read_object
from latm_openai import OpenAIOptions, _progress
from latm_openai._client import open_client

RUN = "latm_run"
"""Under this name a job's metadata hold our run."""

_PURPOSE = "fine-tune"
_PAGE, _MOST_PAGES = 100, 100
_UPLOADED_BYTES_S = 500_000.0  # the slowest line that an upload is given time for
_NO_SUCH_PATH = (404, 405, 501)


@final
class Service:
    """One client; every method raises a `BackendError` where the service does not deliver."""

    def __init__(self, options: OpenAIOptions) -> None:
        self._client = open_client(options)
        self._timeout_s = options.timeout_s
        self._sdk: Any = self._client.sdk_client
        self._jobs: Any = self._sdk.fine_tuning.jobs.with_streaming_response
        self.shown = self._client.shown

    async def aclose(self) -> None:
        """Close the connections; a second time does nothing."""
        await self._client.aclose()

    @property
    def is_openai(self) -> bool:
        """Whether it is OpenAI's own."""
        host = urlsplit(str(self._sdk.base_url)).hostname or ""
        return host == "api.openai.com" or host.endswith(".api.openai.com")

    async def find_file(self, name: str, size: int) -> Mapping[str, Any] | None:
        """The file of that name, for fine-tuning; None if the service shows none."""
        method = partial(self._sdk.files.with_streaming_response.list, purpose=_PURPOSE, limit=_PAGE)
        async with aclosing(self._entries(method)) as entries:
            async for file in entries:
                same = file.get("filename") == name and file.get("bytes", size) in (size, None)
                if same and file.get("purpose", _PURPOSE) == _PURPOSE:
                    return file
        return None

    async def upload(self, name: str, data: bytes) -> Mapping[str, Any]:
        """Upload a file for fine-tuning."""
        method = partial(
            self._sdk.files.with_streaming_response.create,
            file=(name, data, "application/jsonl"),
            purpose=_PURPOSE,
        )
        return await self._call(method, timeout_s=max(self._timeout_s, len(data) / _UPLOADED_BYTES_S))

    async def find_job(self, run: str, file: object) -> Mapping[str, Any] | None:
        """The job that carries our run or trains on our file, as no other does; None if none is shown."""
        narrow = partial(self._jobs.list, limit=_PAGE, extra_query={f"metadata[{RUN}]": run})
        wide = partial(self._jobs.list, limit=_PAGE)
        for method in (narrow, wide):
            try:
                async with aclosing(self._entries(method)) as entries:
                    ours = [each async for each in entries if _is_ours(each, run, file)]
            except Rejected:
                if method is wide:
                    raise
                continue  # a service that does not know the filter
            if ours:
                # Should there ever be two, the one that may still come to something, and of those the first.
                ours.sort(key=lambda each: (_progress.status(each) in ("failed", "cancelled"), born(each)))
                return ours[0]
        return None

    async def create(self, arguments: Mapping[str, object]) -> Mapping[str, Any]:
        """Create a job."""
        return await self._call(partial(self._jobs.create, **arguments))

    async def retrieve(self, job: str) -> Mapping[str, Any]:
        """A job; says what may be the matter where it is not there."""
        try:
            return await self._call(partial(self._jobs.retrieve, job))
        except Rejected as error:
            if is_missing(error):
                error.args = (f"{error.args[0]}. {gone(job)}",)
            raise

    async def tell(self, job: str, what: str) -> Mapping[str, Any]:
        """Cancel, pause or resume a job."""
        return await self._call(partial(getattr(self._jobs, what), job))

    async def events(self, job: str, known: object) -> list[Mapping[str, Any]]:
        """The events of a job that came after the known one; none where the service has no such thing."""
        news: list[Mapping[str, Any]] = []
        try:
            async with aclosing(self._entries(partial(self._jobs.list_events, job, limit=_PAGE))) as entries:
                async for each in entries:
                    if each.get("id") == known and _progress.is_newest_first(news):
                        break
                    news.append(each)
        except BackendError:
            return []  # they are for people's eyes, and come the next time
        return news

    async def checkpoints(self, job: str) -> list[Mapping[str, Any]]:
        """The checkpoints of a job; none where the service has no such thing."""
        method = self._sdk.fine_tuning.jobs.checkpoints.with_streaming_response.list
        try:
            async with aclosing(self._entries(partial(method, job, limit=_PAGE))) as entries:
                return [each async for each in entries]
        except BackendError:
            return []

    async def shutdown(self, model: str, *, needed: bool = False) -> date | None:
        """The day on which the service says that a model is shut down; None where it says nothing.

        Raises:
            Unavailable: the model is not there though it is needed; it may turn up late.
        """
        try:
            found = await self._call(partial(self._sdk.models.with_streaming_response.retrieve, model))
        except Rejected as error:
            if needed and is_missing(error):
                raise Unavailable(f"the model {model!r} is not there yet, or was deleted") from None
            return None
        said = found.get("shutdown_date")
        try:
            return date.fromisoformat(said) if isinstance(said, str) else None
        except ValueError:
            return None

    async def delete(self, model: str) -> None:
        """Delete a tuned model; no error where it is gone already."""
        try:
            await self._call(partial(self._sdk.models.with_streaming_response.delete, model))
        except Rejected as error:
            if not is_missing(error):
                raise

    async def _call(self, method: Callable[..., Any], *, timeout_s: float | None = None) -> Mapping[str, Any]:
        body = await self._client.call(method, {}, timeout_s=timeout_s)
        if "id" not in body.data and (failure := self._client.embedded_error(body)) is not None:
            raise failure  # a job has a member of that name as well
        return body.data

    async def _entries(self, method: Callable[..., Any]) -> AsyncGenerator[Mapping[str, Any], None]:
        """All entries of a listing, page by page."""
        after: str | None = None
        for _ in range(_MOST_PAGES):
            more: dict[str, str] = {} if after is None else {"after": after}
            try:
                page = await self._call(partial(method, **more))
            except Rejected as error:
                if error.status in _NO_SUCH_PATH:
                    error.args = (f"{error.args[0]}. Does this service fine-tune? See base_url",)
                raise
            data = page.get("data")
            if not is_list(data):
                raise Unavailable("the service's listing holds no entries")
            for each in data:
                yield read_object(each)
            last = read_object(data[-1]).get("id") if data else None
            if not page.get("has_more") or not isinstance(last, str) or last == after:
                return
            after = last


def identity(found: Mapping[str, Any], what: str) -> str:
    """The id of a file or a job.

    Raises:
        Unavailable: the answer has none.
    """
    name = found.get("id")
    if not isinstance(name, str) or not name:
        raise Unavailable(f"the service's answer names no {what}")
    return name


def born(entry: Mapping[str, Any]) -> float:
    """When something was created, in seconds since the epoch; 0 where that is not said."""
    created = entry.get("created_at")
    return created if isinstance(created, int | float) else 0.0


def is_missing(error: BackendError) -> bool:
    """Whether the service says that there is no such thing."""
    return error.status == 404  # noqa: PLR2004 - not found


def gone(name: str) -> str:
    """What may be the matter with a job that is not there."""
    return (
        f"There is no job {name} at this service: is the key another account's, or base_url another "
        "service's than when it was begun? If it was deleted, begin it afresh"
    )


def _is_ours(job: Mapping[str, Any], run: str, file: object) -> bool:
    told = read_object(job.get("metadata")).get(RUN)
    return told == run or (file is not None and job.get("training_file") == file)
