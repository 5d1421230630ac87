"""Loops that run beside the main work of a process, and how they end."""

import asyncio
from collections.abc import Collection
from typing import Any, Final

__all__ = ["end_all"]

_ASK_AGAIN_SECONDS: Final = 0.2


async def end_all(loops: Collection["asyncio.Task[Any]"]) -> None:
    """Cancel tasks until they have ended, whatever they end with.

    Asking once is not enough: redis-py loses a cancellation that arrives while it is connecting.
    """
    running = set(loops)
    while running:
        for loop in running:
            loop.cancel()
        _, running = await asyncio.wait(running, timeout=_ASK_AGAIN_SECONDS)
    await asyncio.gather(*loops, return_exceptions=True)
