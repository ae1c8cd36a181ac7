"""Who fills the roles in the engine's tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from integration.engine import scripts

Models = Mapping[str, Any]
ROLES = {role: f"fake:{role}" for role in ("maker", "user", "dispatcher", "fallback")}
DEFAULTS: Models = {
    "maker": scripts.maker(),
    "user": scripts.user,
    "dispatcher": scripts.dispatcher,
    "fallback": scripts.strong,
}
