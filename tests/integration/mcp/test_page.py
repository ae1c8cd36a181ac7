"""The application of docs/mcp.md, as it stands there."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from latm.library import Library

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x", "version": "1"}}


def test_an_application_mounts_the_server(
    repo: Path, tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (repo / "docs" / "mcp.md").read_text(encoding="utf-8")
    found = re.search(r'^```python title="app.py"\n(.*?)^```$', page, re.MULTILINE | re.DOTALL)
    assert found
    (tmp_path / "app.py").write_text(found[1], encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    spec = importlib.util.spec_from_file_location("app_of_the_page", tmp_path / "app.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    headers = {"accept": "application/json, text/event-stream"}
    with TestClient(module.app, base_url="http://localhost:8000") as client:
        body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
        response = client.post("/mcp", json=body, headers=headers)
        assert response.status_code == 200, response.text
        assert '"listChanged":true' in response.text
