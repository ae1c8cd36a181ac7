"""``latm demo``: the whole way of tools and questions, on scripted models or on real ones."""

from latm.cli.demo.command import demo_command
from latm.cli.demo.running import DemoResult, Options, run

__all__ = ["DemoResult", "Options", "demo_command", "run"]
