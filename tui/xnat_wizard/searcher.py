"""The process that searches with other people's regular expressions: a question a line on standard input, as JSON.

Started by file and without the package, so that it is there in 20 ms. Python looks for signals while it searches: so
the clock of the processor can end a search. See `expressions`.
"""

import contextlib
import json
import re
import resource
import signal
import sys
import warnings
from collections.abc import Mapping

_MOST_BYTES = 512 << 20  # of addresses


def main() -> None:
    """Answer until there are no more questions."""
    with contextlib.suppress(ValueError, OSError):  # some systems know no such limit
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_BYTES, _MOST_BYTES))
    signal.signal(signal.SIGVTALRM, _end)
    warnings.simplefilter("ignore")  # `[[` may mean something else one day
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(json.dumps(answer(json.loads(line))).encode() + b"\n")
        sys.stdout.buffer.flush()


def answer(question: Mapping[str, object]) -> dict[str, object]:
    """Return what was found, `fault` for an expression that is none, `endless` for one that would take too long."""
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, float(str(question["seconds"])))
        try:
            return {"found": _found(**{key: value for key, value in question.items() if key != "seconds"})}  # type: ignore[arg-type]  # texts and a truth
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except (TimeoutError, MemoryError):
        return {"endless": True}
    except RecursionError:
        return {"fault": "its brackets are nested too deeply"}
    except (re.error, OverflowError, IndexError) as error:
        return {"fault": str(error)}


def _found(act: str, expression: str, text: str, replacement: str, *, ignores_case: bool) -> object:
    compiled = re.compile(expression, re.IGNORECASE if ignores_case else 0)
    if act == "check":
        return None
    if act == "replace":
        return compiled.sub(replacement, text)
    hit = compiled.fullmatch(text) if act == "fullmatch" else compiled.search(text)
    return None if hit is None else [hit[0], *(group or "" for group in hit.groups())]


def _end(*_: object) -> None:
    raise TimeoutError


if __name__ == "__main__":
    main()
