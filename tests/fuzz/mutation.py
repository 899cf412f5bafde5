"""Makes bad input of good: bytes turned over, and JSON with other values in its places."""

import copy
import random
from typing import Any

TOKENS = (
    *(b"\0", b"\x1b[2J\x1b]0;x\x07", b"\xff\xfe", b"\r\n", b"\xe2\x80\xae", b"../../", b"[red]", b"'\"", b"\t", b","),
    *(b"9" * 20, b"9" * 5000, b"-1", b"NaN", b"1e999", b"\xb2", b"\xd9\xa3", b"[" * 2000, b"{" * 2000, b" " * 3000),
    *(
        b"\xff\xff\xff\xff",
        b"\xff\xff\xff\x7f",
        b"\x80\0\0\0\0\0\0\0",
        b"SQ\0\0",
        b"\xfe\xff\0\xe0",
        b"\xfe\xff\xdd\xe0",
    ),
)
WRONG_VALUES: tuple[Any, ...] = (
    *(
        None,
        True,
        False,
        0,
        -1,
        1 << 70,
        1.5,
        float("inf"),
        float("nan"),
        "",
        "x",
        "²",
        "\udcff",
        "\x1b[2J",
        "../..",
        "\0",
    ),
    *("\udcff", [], {}, [[]], [None], ["x"], {"x": None}, "9" * 5000, "a" * 10_000, "\u202e", "[/b]"),
)
LONGEST = 1 << 20


def turned(data: bytes, rng: random.Random, others: list[bytes]) -> bytes:
    """Return other bytes: a few of them changed, left out, doubled, or taken from elsewhere."""
    made = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        at = rng.randrange(len(made) + 1)
        end = min(len(made), at + rng.choice((1, 2, 4, 16, 100, 1000)))
        match rng.randrange(8):
            case 0 if made:
                made[at % len(made)] ^= 1 << rng.randrange(8)
            case 1 if made:
                made[at % len(made)] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
            case 2:
                del made[at:end]
            case 3:
                made[at:at] = made[at:end] * rng.choice((1, 2, 50))
            case 4:
                made[at:end] = rng.choice(TOKENS)
            case 5:
                made[at:at] = rng.choice(TOKENS)
            case 6:
                del made[at:]
            case _:
                other = rng.choice(others)
                start = rng.randrange(len(other) + 1)
                made[at:end] = other[start : start + rng.choice((4, 100, 2000))]
    return bytes(made[:LONGEST])


def other_values(tree: Any, rng: random.Random) -> Any:
    """Return a JSON value with a few of its places holding something else, missing, or doubled."""
    made = copy.deepcopy(tree)
    for _ in range(rng.choice((1, 1, 2, 4))):
        places = list(_places(made))
        if not places:
            return copy.deepcopy(rng.choice(WRONG_VALUES))
        holder, key = rng.choice(places)
        match rng.randrange(6):
            case 0:
                del holder[key]
            case 1 if isinstance(holder, list):
                holder.append(holder[key])
            case 2:
                other, name = rng.choice(places)
                if name in other if isinstance(other, dict) else name < len(other):
                    holder[key] = copy.deepcopy(other[name])
            case _:
                holder[key] = copy.deepcopy(rng.choice(WRONG_VALUES))
    return made


def _places(tree: Any) -> Any:
    waiting = [tree]
    while waiting:
        one = waiting.pop()
        keys = list(one) if isinstance(one, dict) else range(len(one)) if isinstance(one, list) else ()
        for key in keys:
            yield one, key
            waiting.append(one[key])
