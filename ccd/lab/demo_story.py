"""The story of the demo: a small call centre's two minutes, the same at every run for the same seed."""

from __future__ import annotations

import random

from ccd.lab.stories import CallerScript, PhoneScript, Ring

DIALLED = "4008001000"
CLOSED_LINE = "4008001001"
BOX = "messages"
# Callers who are turned away: number → what stands on the blacklist, and why. Zeros are how some trunks send no number.
UNWANTED = {
    "13700000000": ("13700000000", "骚扰电话"),
    "17012345678": ("+86170*", "虚拟运营商"),
    "0000": ("withheld", "号码隐藏"),
}
AGENTS = ("wang", "li", "zhang", "liu", "chen")
PHONES = ("1001", "1002", "1003", "1004", "1005")
CLOSED_REASON = "停电"
IN_MENU, IN_QUEUE, SERVED = 4, 5, 21
EVERY_MS = 800


def callers(seed: int = 7) -> list[CallerScript]:
    """Thirty callers: some leave in the menu, some in the queue, the rest talk for 2 to 6 s."""
    chance = random.Random(seed)
    kinds = ["menu"] * IN_MENU + ["queue"] * IN_QUEUE + ["served"] * SERVED
    chance.shuffle(kinds)
    scripts = []
    for index, kind in enumerate(kinds):
        key = (chance.randrange(900, 1_600), chance.choice("12"))
        scripts.append(
            CallerScript(
                number=f"138{chance.randrange(10**7):07d}{index % 10}",
                dialled=DIALLED,
                at_ms=index * EVERY_MS + chance.randrange(300),
                keys=() if kind == "menu" else (key,),
                hang_up_after_ms={"menu": 1_800, "queue": 3_200}.get(kind),
                talk_ms=chance.randrange(2_000, 6_000) if kind == "served" and chance.random() < 0.4 else None,
            )
        )
    return scripts


def messages(seed: int = 7) -> list[CallerScript]:
    """Two callers to a line that is closed: each skips the greeting and leaves a message, one ends it by # and one hangs up."""
    chance = random.Random(seed + 2)
    number = f"137{chance.randrange(10**7):07d}"
    skip = (1_000, "1")
    by_key = CallerScript(number=f"{number}1", dialled=CLOSED_LINE, at_ms=3_000, keys=(skip, (5_500, "#")), tone_hz=500)
    by_hang_up = CallerScript(
        number=f"{number}2", dialled=CLOSED_LINE, at_ms=6_000, keys=(skip,), tone_hz=600, hang_up_after_ms=6_500
    )
    return [by_key, by_hang_up]


def unwanted() -> list[CallerScript]:
    """Callers who are on the blacklist: each would press a key if he were answered, and hang up."""
    return [
        CallerScript(number=number, dialled=DIALLED, at_ms=4_200 * turn, keys=((1_000, "1"),), hang_up_after_ms=6_000)
        for turn, number in enumerate(UNWANTED, start=1)
    ]


def phones(seed: int = 7) -> list[PhoneScript]:
    """Five phones: one that does not answer at first, one that rejects, one busy, one not registered for a while."""
    chance = random.Random(seed + 1)

    def answers(count: int) -> tuple[Ring, ...]:
        return tuple(Ring("answer", chance.randrange(300, 900), chance.randrange(2_000, 6_000)) for _ in range(count))

    return [
        PhoneScript(PHONES[0], answers(30)),
        PhoneScript(PHONES[1], (Ring("no_answer"), *answers(30))),
        PhoneScript(PHONES[2], (Ring("reject", 400), *answers(30))),
        PhoneScript(PHONES[3], (Ring("busy"), *answers(30))),
        PhoneScript(PHONES[4], (Ring("not_registered", 15_000), *answers(30))),
    ]
