"""Says the events of a story in sentences, in Chinese and English, from templates. Pure.

A template takes the values of its reason; durations come as seconds, moments as the time of day in the site's zone.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

from ccd.acd.facts import LeftReason, OfferResult
from ccd.acd.model import BreakReason
from ccd.side.why.explain import Reason

LANGUAGES = ("en", "zh")

_REASONS: dict[str, tuple[str, str]] = {
    "logged_out": ("not logged in{detail}{since}", "未签入{detail}{since}"),
    "on_break": ("on break{detail}{since}", "小休{detail}{since}"),
    "no_station": ("has no station", "没有话机"),
    "offered": ("is being offered a call{since}", "正在振铃{since}"),
    "talking": ("talks to a caller{since}", "通话中{since}"),
    "wrap_up": ("in wrap-up{since}{until}", "话后处理{since}{until}"),
    "resting": ("is left alone after a failed offer{until}", "上次振铃未成功，暂不分配{until}"),
    "node_down": ("his switch is not reachable{since}", "所在交换机不可达{since}"),
    "on_another_call": ("on another call{since}", "正在其他通话中{since}"),
    "no_line": ("his standing leg is not up{since}", "长通话线路未就绪{since}"),
    "no_queue": ("serves no queue", "不服务任何队列"),
    "not_in_queue": ("does not serve this queue", "不服务该队列"),
    "other": ("not ready{since}", "未就绪{since}"),
    "refused_caller": ("refused this caller a moment ago", "刚拒接过该来电"),
    "rings_already": ("his phone rings for him already", "话机已在为该来电振铃"),
    "bound": ("the caller waits for {bound_to} alone", "来电只等待坐席 {bound_to}"),
    "skill": ("{skill} {has}, {needs} is asked", "技能 {skill} 为 {has}，要求 {needs}"),
    "level_closed": ("level {level}, only {open} is open", "层级 {level}，目前只开放层级 {open}"),
    "level": ("level {value}, level {first} had somebody", "层级 {value}，层级 {first} 有人可用"),
    "preferred": (
        "has {value} of the preferred skills, {first_name} {first}",
        "符合优先技能 {value} 项，{first_name} {first} 项",
    ),
    "idle_ms": ("idle for {value}, {first_name} for {first}", "空闲 {value}，{first_name} 空闲 {first}"),
    "offered_seq": ("was asked later than {first_name}", "上次轮到的时间晚于 {first_name}"),
    "calls": ("{value} calls today, {first_name} {first}", "今日通话 {value} 个，{first_name} {first} 个"),
    "talk_ms": ("talked {value} today, {first_name} {first}", "今日通话时长 {value}，{first_name} {first}"),
    "match": ("skills add up to {value}, {first_name}'s to {first}", "技能合计 {value}，{first_name} 为 {first}"),
    "specialist": ("{first_name} is the right kind of agent for this caller", "{first_name} 更适合该来电的客户等级"),
    "position": ("position {value}, {first_name} {first}", "位置 {value}，{first_name} {first}"),
    "drawn": ("{first_name} was drawn", "抽中了 {first_name}"),
    "rings_all": ("is rung as well", "同时振铃"),
    "asked_before": ("was asked for this caller before", "此前已为该来电振铃"),
    "order": ("came after him in order", "排序在后"),
    "other_caller": ("took call {call_id}, whose place is earlier", "接了排在前面的来电 {call_id}"),
}
_RULES: dict[str, tuple[str, str]] = {
    "only_one": ("nobody else could take him", "没有其他可用坐席"),
    "bound": ("he waits for this agent alone", "来电只等待该坐席"),
    "rings_all": ("the queue rings all", "队列同振"),
    "drawn": ("drawn by chance ({strategy})", "随机抽取（{strategy}）"),
    "idle_ms": ("idle longest ({strategy})", "空闲最久（{strategy}）"),
    "offered_seq": ("his turn ({strategy})", "轮到该坐席（{strategy}）"),
    "calls": ("fewest calls ({strategy})", "今日通话最少（{strategy}）"),
    "talk_ms": ("least talk time ({strategy})", "今日通话时长最短（{strategy}）"),
    "match": ("best match of skills ({strategy})", "技能最匹配（{strategy}）"),
    "specialist": ("the right kind of agent ({strategy})", "专席匹配（{strategy}）"),
    "preferred": ("most of the preferred skills", "符合的优先技能最多"),
    "level": ("of the first level", "层级最靠前"),
    "position": ("first position", "位置最靠前"),
    "asked_before": ("the others were asked before", "其他坐席已振铃过"),
    "order": ("first in order", "排序最靠前"),
}
_EVENTS: dict[str, tuple[str, str]] = {
    "queued": ("joined queue {queue} with priority {priority}", "进入队列 {queue}，优先级 {priority}"),
    "nobody": ("waits in {queue}; nobody could be offered", "在 {queue} 等待；没有可分配的坐席"),
    "not_to": ("became ready, but {reason}", "转为就绪，但{reason}"),
    "offered": ("call {call_id} was offered to {agent}{line}{rule}", "来电 {call_id} 分配给 {agent}{line}{rule}"),
    "offer_ended": (
        "the offer to {agent} ended: {result}, after {ring}{asked}",
        "对 {agent} 的振铃结束：{result}，历时 {ring}{asked}",
    ),
    "connected": ("talks to {agent} after waiting {wait}{join}", "等待 {wait}{join}后与 {agent} 通话"),
    "returned": ("{agent} was gone at once; back in line", "{agent} 立即断开；回到队列"),
    "left": ("left queue {queue}: {reason}{by}, after {wait}", "离开队列 {queue}：{reason}{by}，已等待 {wait}"),
    "not_ready": ("not ready: {reason}", "未就绪：{reason}"),
    "ready": ("ready for {queues}; nobody waits whom he may take", "就绪（{queues}）；没有可接的来电"),
    "to_another": ("call {call_id} went to {agent}: {reason}", "来电 {call_id} 分配给 {agent}：{reason}"),
}
# In English the words of the API, as everywhere else.
_RESULTS: dict[str, str] = {
    OfferResult.ACCEPTED: "已接听",
    OfferResult.NO_ANSWER: "无人接听",
    OfferResult.BUSY: "话机忙",
    OfferResult.REJECTED: "坐席拒接",
    OfferResult.NOT_REGISTERED: "话机未注册",
    OfferResult.UNKNOWN_USER: "用户不存在",
    OfferResult.UNREACHABLE: "话机不可达",
    OfferResult.REDIRECTED: "话机转移",
    OfferResult.CONGESTION: "线路拥塞",
    OfferResult.LOST_RACE: "其他坐席先接听",
    OfferResult.CANCELLED: "已取消",
}
_LEFT: dict[str, str] = {
    LeftReason.CONNECTED: "已接通",
    LeftReason.ABANDONED: "来电放弃",
    LeftReason.SHORT_ABANDONED: "短时放弃",
    LeftReason.TIMED_OUT: "等待超时",
    LeftReason.OVERFLOWED: "溢出",
    LeftReason.EXIT_KEY: "按键退出",
    LeftReason.FULL: "队列已满",
    LeftReason.NO_AGENTS: "无坐席",
    LeftReason.CLOSED: "队列关闭",
    LeftReason.MOVED: "移至其他队列",
    LeftReason.KICKED: "被移出",
    LeftReason.CALLBACK: "转为回呼",
    LeftReason.SWITCH_LOST: "交换机中断",
}
_ASKED: dict[str, tuple[str, str]] = {
    "accepted": ("; he pressed 1", "；已按 1 确认"),
    "no_answer": ("; it was answered, and nobody pressed 1", "；电话已接通，但无人按 1 确认"),
    "rejected": ("; it was answered, and refused then", "；电话已接通，随后拒接"),
    "other": ("; it had been answered", "；电话已接通"),
}
"""What a telephone's owner did who was asked to press 1, by how the offer ended."""
_STANDING = (", on his standing leg", "（长通话线路）")


class Sentences:
    """One language, the zone in which it tells the time, and the site's reasons for breaks, which have words in both."""

    def __init__(self, language: str, zone: str, breaks: Iterable[BreakReason] = ()) -> None:
        self._column = 1 if language.lower().startswith("zh") else 0
        self._breaks = {one.name: (one.zh if self._column else one.en) or one.name for one in breaks}
        self.zone = zone
        self._zone = ZoneInfo(zone)

    def say(self, events: list[Reason]) -> list[Reason]:
        """The events, each with its `text`, and so their reasons."""
        return [self._event(event) for event in events]

    def _event(self, event: Reason) -> Reason:
        first = event.get("agent", "")
        said = dict(event)
        for key in ("others", "passed_over", "callers"):
            if key in said:
                said[key] = [one | {"text": self._who(one, first)} for one in said[key]]
        values: dict[str, Any] = {key: event.get(key, "") for key in ("queue", "priority", "call_id", "agent")}
        values["result"] = self._word(_RESULTS, event.get("result", ""))
        values["ring"] = self._seconds(event.get("ring_ms", 0))
        values["wait"] = self._seconds(event.get("wait_ms", 0))
        values["queues"] = self._list(event.get("queues", ()))
        values["by"] = self._aside(" by {}", "（操作人：{}）", event.get("who"))
        values["line"] = _STANDING[self._column] if event.get("standing") else ""
        values["join"] = self._aside(", {} of it at the join", "（含接通播报 {}）", self._join(event))
        result = event.get("result") if event.get("result") in _ASKED else "other"
        values["asked"] = self._pick(_ASKED, str(result)) if event.get("asked") else ""
        reason = event.get("reason", "")
        if isinstance(reason, dict):
            said["reason"] = reason | {"text": self._reason(reason, first)}
            name = reason.get("agent", "")
            reason = self._reason(reason, first)
            text = self._pick(_EVENTS, event["event"]).format(**values, reason=reason, rule="")
            said["text"] = f"{name} {text}" if event["event"] == "not_to" else text
            return said
        if reason:
            reason = self._word(_LEFT, reason)
        rule = event.get("rule")
        if rule:
            said["rule"] = rule | {"text": self._pick(_RULES, rule["code"]).format(strategy=rule.get("strategy", ""))}
        joined = (("：" if self._column else ": ") + said["rule"]["text"]) if rule else ""
        said["text"] = self._pick(_EVENTS, event["event"]).format(**values, reason=reason, rule=joined)
        return said

    def _join(self, event: Reason) -> str:
        return self._seconds(event["join_ms"]) if event.get("join_ms") else ""

    def _who(self, reason: Reason, first: str) -> str:
        name = reason.get("agent") or reason.get("call_id", "")
        return f"{name}{'：' if self._column else ': '}{self._reason(reason, first)}"

    def _reason(self, reason: Reason, first: str) -> str:
        values = {key: reason.get(key, "") for key in ("skill", "has", "needs", "level", "call_id", "bound_to")}
        for key in ("value", "first"):
            value = reason.get(key, "")
            values[key] = self._seconds(value) if reason["code"].endswith("_ms") else value
        values["open"] = self._list(reason.get("open", ())) or "-"
        values["detail"] = self._aside(" ({})", "（{}）", self._detail(reason))
        values["since"] = self._aside(" since {}", "（自 {} 起）", self._time(reason.get("not_ready_since", 0)))
        values["until"] = self._aside(" until {}", "（至 {}）", self._time(reason.get("until", 0)))
        return self._pick(_REASONS, reason["code"]).format(**values, first_name=first).replace("）（", "，")

    def _pick(self, texts: dict[str, tuple[str, str]], code: str) -> str:
        return texts[code][self._column]

    def _detail(self, reason: Reason) -> str:
        """The reason of a break, a node, or how the standing leg ended whose end signed the agent out."""
        detail: str = reason.get("detail", "")
        if reason["code"] == "on_break":
            return self._breaks.get(detail) or self._word(_RESULTS, detail)  # a cause: that of calls not taken
        if reason["code"] != "logged_out" or not detail:
            return detail
        ended = self._word(_RESULTS | {"lost": "已断开"}, detail.removeprefix("standing_"))
        return f"{'长通话线路：' if self._column else 'standing leg: '}{ended}"

    def _word(self, chinese: dict[str, str], word: str) -> str:
        return chinese.get(word, word) if self._column else word

    def _list(self, items: Iterable[object]) -> str:
        return ("、" if self._column else ", ").join(map(str, items))

    def _seconds(self, ms: int) -> str:
        seconds = f"{ms / 1000:g}" if abs(ms) < 10_000 else f"{ms / 1000:.0f}"
        return f"{seconds} 秒" if self._column else f"{seconds} s"

    def _aside(self, english: str, chinese: str, value: str | None) -> str:
        return (chinese if self._column else english).format(value) if value else ""

    def _time(self, at: int) -> str:
        if not at:
            return ""
        return dt.datetime.fromtimestamp(at / 1e6, self._zone).strftime("%H:%M:%S")
