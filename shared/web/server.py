"""Serving: uvicorn with the product's limits, and an end that drops no request."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from shared.errors import MalformedRequest
from shared.ids import new_id
from shared.observability.health import Health
from shared.web.problems import problem_response

__all__ = ["DrainingServer", "server_config"]

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def server_config(app: ASGIApp, *, host: str, port: int, grace: timedelta) -> uvicorn.Config:
    """Return how uvicorn is to serve ``app``: our logs, no advertising, bounded waiting."""
    return uvicorn.Config(
        app,
        http=_Protocol,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        ws="none",
        lifespan="on",
        backlog=512,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=max(1, int(grace.total_seconds())),
    )


class _Protocol(HttpToolsProtocol):
    """HTTP as uvicorn reads it; what is none is told as every other problem is."""

    def send_400_response(self, msg: str) -> None:
        """Answer what never becomes a request of the application, and close the connection."""
        request_id = str(new_id())
        unreadable = MalformedRequest(
            "This is no HTTP/1.1, or its address is longer than 65,535 bytes.",
            headers={"X-Request-ID": request_id, "Connection": "close"},
        )
        answer = problem_response(unreadable, {"type": "http", "earned.request_id": request_id})
        head = b"".join(b"%s: %s\r\n" % header for header in answer.raw_headers)
        self.transport.write(b"HTTP/1.1 400 Bad Request\r\n" + head + b"\r\n" + answer.body)
        self.transport.close()


class DrainingServer(uvicorn.Server):
    """A server that, asked to end, first says so on ``/readyz`` and goes on serving for a moment.

    Load balancers need that moment to look away. SIGINT comes from a person, who does not.
    """

    def __init__(self, config: uvicorn.Config, *, health: Health, drain_delay: timedelta) -> None:
        super().__init__(config)
        self._health = health
        self._drain_delay = drain_delay.total_seconds()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle signals in the event loop, and end without raising them again."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._end, number)
        try:
            yield
        finally:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

    def _end(self, number: signal.Signals) -> None:
        if self._health.is_draining or number == signal.SIGINT:
            self._health.drain()
            self.should_exit = True
            return
        self._health.drain()
        asyncio.get_running_loop().call_later(self._drain_delay, self._exit)

    def _exit(self) -> None:
        self.should_exit = True
