"""Times as XNAT writes them: server-local, without zone (0.3, 5.7)."""

import time


def timestamp_now() -> str:
    """Return a prearchive timestamp, yyyyMMdd_HHmmssSSS in local time (5.7 step 6)."""
    ms = time.time_ns() // 1_000_000
    return time.strftime("%Y%m%d_%H%M%S", time.localtime(ms // 1000)) + f"{ms % 1000:03}"


def java_time(seconds: float) -> str:
    """Return a time as tables show it, to the millisecond, zeros at the end left out as in Java: `09:14:25.0`."""
    ms = round(seconds * 1000)
    fraction = f"{ms % 1000:03}".rstrip("0") or "0"
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ms // 1000)) + f".{fraction}"
