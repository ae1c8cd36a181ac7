"""A library's tools for other programs: served over MCP, or as definitions and as a module of Python.

Serving needs ``pip install 'latm[mcp]'``.
"""

from latm.serving._formats import Form, definition, python_module
from latm.serving._offers import Offer, Withheld, offers
from latm.serving._public import is_loopback, mcp_server, serve_http, serve_stdio

__all__ = [
    "Form",
    "Offer",
    "Withheld",
    "definition",
    "is_loopback",
    "mcp_server",
    "offers",
    "python_module",
    "serve_http",
    "serve_stdio",
]
