"""Time that passes only when somebody waits."""

import asyncio


class Clock:
    """Its sleep moves it on at once; others get their turn meanwhile."""

    def __init__(self) -> None:
        self.now_s = 1_000_000.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        end_s = self.now_s + seconds
        await asyncio.sleep(0.001)
        self.now_s = max(self.now_s, end_s)


async def short_sleep(seconds: float) -> None:
    """Wait, for a moment at most."""
    await asyncio.sleep(min(seconds, 0.005))
