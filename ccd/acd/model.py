"""Queues, agents, stations and tiers: what is configured, and the words for what they do."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from ccd.acd.cause_rules import CauseRule
from ccd.acd.matching.stages import Ask
from ccd.acd.overflow import Overflow


class Presence(StrEnum):
    """What an agent declares."""

    LOGGED_OUT = "logged_out"
    AVAILABLE = "available"
    ON_BREAK = "on_break"


class Activity(StrEnum):
    """What calls make of an agent."""

    IDLE = "idle"
    OFFERED = "offered"
    TALKING = "talking"
    WRAP_UP = "wrap_up"


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """A waiting line. Times are milliseconds; `max_wait_ms` 0 waits for ever.

    `min_talk_ms`: an agent who is gone sooner than this after the bridge has not taken the call. `record`, `consent`: what it
    says of recordings (ccd.recording.policy); `keep_days` 0 leaves it to route and site how long they are kept.

    Places: `head_start_ms` of waiting is what its callers have over those of other queues, `ageing_ms` what a point of priority
    is worth (0: no waiting outweighs it), `vip_priority` the points of a VIP under `vip-first`. Tiers: levels behind the first
    open after `tier_wait_ms` (0: at once), each so much later where `tier_one_by_one`; a level whose agents are all signed out
    or on break counts only where `skip_empty_tiers` is off. `asks`: the skills asked for, by waiting time.
    `refused_again_ms`: so long a caller is not offered again to who refused him. `last_agent_ms`: so long he waits for who
    served him last. `busy_elsewhere`: an agent on another call is not offered one.

    Agents: `causes` is what a call not taken costs, by cause (ccd.acd.cause_rules); after an offer that came to nothing an
    agent's phone is left alone for `reoffer_gap_ms` whatever happens. A phone that does not ring within `progress_ms`
    (`progress_outside_ms` where its station is a trunk's or an outside number) is unreachable; `ring_ms` counts from then on.
    A wrap-up that is extended lasts at most `wrap_up_max_ms`.

    Figures: who hangs up before `short_abandon_ms` is counted apart (0: nobody is); `service_level_ms` is the wait within which
    an answer is in time.

    Exits: `overflow` are the rules by which callers leave (ccd.acd.overflow); more than `max_waiting` are not let in (0: there
    is no bound). Who hung up and calls again within `resume_ms` has his place again. Announcements: the first after
    `announce_first_ms`, then one `announce_every_ms` (0: never again), with the next of `announce_prompts` and the caller's
    place in line, if that is at most `announce_position` (0: not told).

    The join: what the agent's phone shows is `shown_name` (a template, '' the number) and `shown_number` (full, masked or
    none; ccd.acd.shown). Before the bridge the agent hears `agent_prompt`, and the parts of `agent_hears` in their order (queue:
    that prompt, wait, warning); the caller meanwhile music, or the agent's number (`caller_hears`). A station that demands it
    must press 1 within `confirm_ms`.
    """

    queue_id: str
    name: str
    strategy: str = "longest-idle-agent"
    music: str = "local_stream://moh"
    ring_ms: int = 20_000
    wrap_up_ms: int = 0
    max_wait_ms: int = 0
    timeout_prompt: str = "queue_timeout"
    max_no_answers: int = 3
    no_answer_delay_ms: int = 2_000
    reject_delay_ms: int = 10_000
    busy_delay_ms: int = 10_000
    fault_delay_ms: int = 30_000
    min_talk_ms: int = 500
    record: str = "no"
    consent: str = "no"
    keep_days: int = 0
    zone: str = ""
    head_start_ms: int = 0
    ageing_ms: int = 60_000
    vip_priority: int = 10
    tier_wait_ms: int = 0
    tier_one_by_one: bool = False
    skip_empty_tiers: bool = True
    asks: tuple[Ask, ...] = ()
    ring_progressively_delay_ms: int = 10_000
    refused_again_ms: int = 30_000
    last_agent_ms: int = 0
    busy_elsewhere: bool = True
    causes: dict[str, CauseRule] = {}
    reoffer_gap_ms: int = 500
    progress_ms: int = 5_000
    progress_outside_ms: int = 15_000
    wrap_up_max_ms: int = 600_000
    short_abandon_ms: int = 5_000
    service_level_ms: int = 20_000
    overflow: tuple[Overflow, ...] = ()
    max_waiting: int = 0
    resume_ms: int = 0
    announce_first_ms: int = 0
    announce_every_ms: int = 0
    announce_position: int = 0
    announce_prompts: tuple[str, ...] = ()
    shown_name: str = ""
    shown_number: str = "full"
    agent_prompt: str = ""
    agent_hears: tuple[str, ...] = ()
    caller_hears: str = "music"
    confirm_ms: int = 10_000


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A person who takes queued calls. `station_id` is where a login without a station goes; `record`: no, agent or never.

    `skills`: what he can, each with a level from 1 to 10. `ring_ms`: his phone rings no longer than that, 0 as the queue says.
    `wrap_up_ms`: his wrap-up after every call, below 0 as the queue says.
    """

    agent_id: str
    name: str
    display_name: str = ""
    station_id: str = ""
    record: str = "no"
    skills: dict[str, int] = {}
    ring_ms: int = 0
    wrap_up_ms: int = -1


class Station(msgspec.Struct, frozen=True, kw_only=True):
    """A telephone: `contact` is the dial string, `node` the switch that reaches it ('' any).

    `confirm`: who answers there must press 1, for it may be a mobile's voicemail.
    `standing`: a login here means a standing leg (ccd.acd.standing), unless it says otherwise.
    """

    station_id: str
    name: str
    contact: str
    kind: str = "sip"
    node: str = ""
    confirm: bool = False
    standing: bool = False


class BreakReason(msgspec.Struct, frozen=True, kw_only=True):
    """Why agents may be on break: `name` is typed, `zh` and `en` are shown. `limit_ms`: longer than that is too long, 0 is
    never. One that is not `allowed` can't be chosen any more.
    """

    break_id: str
    name: str
    zh: str = ""
    en: str = ""
    limit_ms: int = 0
    allowed: bool = True


class Tier(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's place in a queue: lower level first, position orders within a level.

    `weight` (1 to 100) is for `weighted-random`, `specialist` for `vip-first`.
    """

    queue_id: str
    agent_id: str
    level: int = 1
    position: int = 1
    weight: int = 10
    specialist: bool = False
