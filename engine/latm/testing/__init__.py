"""Fakes and conformance checks for authors of plugins and for applications; no pytest needed.

`ScriptedBackend` and `scripted_provider` play models without a network. `OpenAIServer` and `AnthropicServer`
speak the wire formats on the loopback interface, for tests through the real SDKs, and `HttpServer` any other;
`TuningServer` adds files, fine-tuning jobs and the models that come of them to the first of these.
`read_request` lets one script serve both, `openai_error` and `anthropic_error` fail as the services do.
`check_provider` judges a provider, `check_tuner` a tuner.
"""

from latm.testing._check import check_provider
from latm.testing._loopback import HttpReply, RecordedRequest
from latm.testing._requests import read_request
from latm.testing._scenario import Check, Report, Scenario, TuningScenario
from latm.testing._scripted import Script, ScriptedBackend, ScriptedProvider, scripted_provider, word_usage
from latm.testing._servers import AnthropicServer, HttpServer, OpenAIServer
from latm.testing._shapes import anthropic_error, openai_error
from latm.testing._tuner_check import check_tuner
from latm.testing._tuning_server import TuningServer

__all__ = [
    "AnthropicServer",
    "Check",
    "HttpReply",
    "HttpServer",
    "OpenAIServer",
    "RecordedRequest",
    "Report",
    "Scenario",
    "Script",
    "ScriptedBackend",
    "ScriptedProvider",
    "TuningScenario",
    "TuningServer",
    "anthropic_error",
    "check_provider",
    "check_tuner",
    "openai_error",
    "read_request",
    "scripted_provider",
    "word_usage",
]
