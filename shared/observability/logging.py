"""Structured logs: one event a line, JSON in production, on standard output.

Whatever reaches a field came from outside sooner or later: values are cut to 1 KiB, control
characters are escaped, and what looks like a secret is replaced before it is rendered.
"""

import logging
import re
import sys
import unicodedata
from collections.abc import Mapping, MutableMapping
from typing import Any, Final, Literal, TextIO

import orjson
import structlog

from shared.observability import metrics

__all__ = ["configure_logging", "sanitize"]

_LONGEST: Final = 1024
_DEEPEST: Final = 4
_MOST_ITEMS: Final = 50
_REDACTED: Final = "[redacted]"
_SECRET_FIELD = re.compile(
    r"(?i)(authorization|password|passwd|secret|token|credential|cookie|api[_-]?key$|signature)"
)
_SECRET_VALUE = re.compile(
    r"(?i)earned_live_[0-9a-z_]+"  # our own keys
    r"|(?<=bearer )\S+"
    r"|(?<=://)[^/\s@]+(?=@)"  # user and password in an address
    r"|(?<=[?&])[^=&\s]+=[^&\s]+"  # query strings: they carry codes and tokens
)
_QUIET: Final = (
    "arq",
    "httpx",
    "httpcore",
    "uvicorn.error",
    "uvicorn.access",
    "alembic",
)

Event = MutableMapping[str, Any]

#: What each event goes through. A logger keeps the list that it was first used with: it is one and
#: the same, so that loggers follow whoever configures them anew, as tests do.
_pipeline: Final[list[structlog.typing.Processor]] = []


def configure_logging(
    *,
    component: str,
    log_format: Literal["json", "console"] = "json",
    level: Literal["debug", "info", "warning", "error"] = "info",
) -> None:
    """Send every log event of the process, the libraries' included, through one pipeline."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _Component(component),
        _count,
    ]
    _pipeline[:] = [*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter]
    structlog.configure(
        processors=_pipeline,
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = _StandardOutput()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                _sanitize_event,
                _renderer(log_format),
            ],
        )
    )
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _QUIET:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
        library.setLevel(logging.WARNING)


class _StandardOutput(logging.StreamHandler[TextIO]):
    """Writes to what standard output is now: what it was when logging was configured may be closed.

    Whoever captures the output of a part of the process puts another stream in its place for a
    while, and closes that one afterwards.
    """

    def __init__(self) -> None:
        logging.Handler.__init__(self)  # not the next one's, which would remember a stream

    @property
    def stream(self) -> TextIO:  # type: ignore[override]  # an attribute there, looked up anew here
        return sys.stdout


class _Component:
    def __init__(self, component: str) -> None:
        self._component = component

    def __call__(self, _logger: object, _method: str, event: Event) -> Event:
        event["component"] = self._component
        return event


def _renderer(log_format: Literal["json", "console"]) -> structlog.typing.Processor:
    if log_format == "console":
        return structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    return structlog.processors.JSONRenderer(serializer=_to_json)


def _to_json(event: Mapping[str, Any], **_: object) -> str:
    return orjson.dumps(event, default=str).decode()


def _count(_logger: object, _method: str, event: Event) -> Event:
    metrics.LOG_EVENTS.labels(event["level"]).inc()
    return event


def _sanitize_event(_logger: object, _method: str, event: Event) -> Event:
    return {str(key)[:64]: _field(str(key), value) for key, value in event.items()}


def _field(key: str, value: object) -> object:
    if _SECRET_FIELD.search(key):
        return _REDACTED
    # A traceback says where; it may be longer, and keeps its lines: JSON escapes them.
    return sanitize(value, longest=_LONGEST * 8 if key == "exception" else _LONGEST)


def sanitize(value: object, *, longest: int = _LONGEST, depth: int = 0) -> object:
    """Return ``value`` as it may stand in a log: short, printable, without secrets."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping) and depth < _DEEPEST:
        items = list(value.items())[:_MOST_ITEMS]
        return {
            str(k)[:64]: _REDACTED
            if _SECRET_FIELD.search(str(k))
            else sanitize(v, longest=longest, depth=depth + 1)
            for k, v in items
        }
    if isinstance(value, list | tuple | set | frozenset) and depth < _DEEPEST:
        return [sanitize(v, longest=longest, depth=depth + 1) for v in list(value)[:_MOST_ITEMS]]
    text = _SECRET_VALUE.sub(_REDACTED, str(value)[: longest * 2])
    return "".join(c if _is_printable(c) else _escape(c) for c in text[:longest])


def _is_printable(character: str) -> bool:
    # Cc, Cf, Cs, Zl, Zp: controls, direction overrides, lone surrogates, Unicode line ends.
    return character == "\n" or unicodedata.category(character) not in {
        "Cc",
        "Cf",
        "Cs",
        "Zl",
        "Zp",
    }


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode()
