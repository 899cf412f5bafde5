"""Reads in a thread what is about to be sent, one piece ahead."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from concurrent.futures import Executor
from typing import TypeVar

from xnat_wizard.upload.parts import Piece

AnyPiece = TypeVar("AnyPiece", bytes, Piece)


async def in_thread(pieces: Iterator[AnyPiece], executor: Executor) -> AsyncGenerator[AnyPiece, None]:
    """Take pieces from an iterator in a thread, one ahead, so that a slow disk stops neither the loop nor the line.

    Args:
        pieces: is used by one thread at a time.
        executor: the pool of the readers, kept apart from the loop's own.
    """
    loop = asyncio.get_running_loop()
    ahead = loop.run_in_executor(executor, next, pieces, None)
    try:
        while (piece := await ahead) is not None:
            ahead = loop.run_in_executor(executor, next, pieces, None)
            yield piece
    finally:
        if not ahead.cancel() and not ahead.cancelled():
            ahead.exception()  # nobody waits for what was read too much
