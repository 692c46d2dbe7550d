"""The story of the demo: a small call centre's two minutes, the same at every run for the same seed."""

from __future__ import annotations

import random

from ccd.lab.stories import CallerScript, PhoneScript, Ring

DIALLED = "4008001000"
AGENTS = ("wang", "li", "zhang", "liu", "chen")
PHONES = ("1001", "1002", "1003", "1004", "1005")
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
