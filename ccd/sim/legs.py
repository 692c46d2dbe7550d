"""The life of a leg: applications one inside the other, park, answer, transfer, hang-up. Bridges are in `bridging`."""

from __future__ import annotations

from pathlib import Path

from ccd.lab.stories import KeysAs
from ccd.sim import cdr, recordings
from ccd.sim.applications import NEED_SOUND, Applications
from ccd.sim.bridging import Bridging
from ccd.sim.channel import Channel, Running
from ccd.sim.core import Core
from ccd.sim.dialplan import Dialplan

# What FreeSWITCH calls the ways in which a key came.
_SOURCES: dict[KeysAs, tuple[str, ...]] = {
    "rfc2833": ("RTP",),
    "info": ("ENDPOINT",),
    "inband": ("INBAND_AUDIO",),
    "both": ("ENDPOINT", "RTP"),
}
_PLAYING = frozenset({"playback", "sleep"})


class Legs:
    """Moves channels; every step fires the events that FreeSWITCH fires, in its order."""

    def __init__(
        self, core: Core, dialplan: Dialplan, *, write_recordings: bool = True, cdr_folder: Path | None = None
    ) -> None:
        self.core, self.dialplan = core, dialplan
        self.write_recordings = write_recordings
        self._cdr_folder = cdr_folder
        self.bridging = Bridging(core, self)
        self._applications = Applications(core, self, dialplan)

    # --- executing ----------------------------------------------------------------------------------------------

    def route(self, c: Channel, extension: str, context: str) -> None:
        """Send a leg into the dialplan."""
        c.state, c.dialled, c.context = "CS_EXECUTE", extension, context
        if c.call_state == "DOWN":
            c.call_state = "RINGING"
        c.plan.clear()
        c.plan.extend(self.dialplan.route(c))
        if not c.plan:
            self.hangup(c, "NO_ROUTE_DESTINATION")
        self.run_plan(c)

    def run_plan(self, c: Channel) -> None:
        """Execute what the dialplan still has for a leg; a leg with nothing left to do is hung up."""
        while c.is_up and not c.stack and c.peer is None and c.state == "CS_EXECUTE":
            if not c.plan:
                self.hangup(c, "NORMAL_CLEARING")
                return
            application, argument = c.plan.popleft()
            text = argument if isinstance(argument, str) else argument()
            self.execute(c, application, text, self.core.new_uuid())

    def enqueue(self, c: Channel, application: str, argument: str, execution_id: str) -> None:
        """Queue an `execute`; the leg sees it when it next looks, even while it plays something."""
        c.waiting.append((application, argument, execution_id))
        self.wake(c)

    def wake(self, c: Channel) -> None:
        """Have the leg look at its queue."""
        if c.waiting and not c.service_due:
            c.service_due = True
            self.core.soon(lambda: self._service(c))

    def _service(self, c: Channel) -> None:
        c.service_due = False
        while c.waiting and c.can_execute and c.joining is None:
            self.execute(c, *c.waiting.popleft())

    def execute(self, c: Channel, application: str, argument: str, execution_id: str) -> None:
        """Begin an application inside whatever the leg is doing; that waits meanwhile, as on FreeSWITCH."""
        if application in NEED_SOUND:
            self.early_media(c)
        run = Running(application, argument, execution_id, None)
        c.application, c.application_data, c.response = application, argument, None
        c.set("current_application", application)
        c.set("current_application_data", argument)
        c.set("current_application_response", "")
        self._pause(c)
        c.stack.append(run)
        self._event(c, "CHANNEL_EXECUTE", run)
        done = self._applications.begin(c, run)
        if done and run in c.stack:
            self.finish(c, run)
        elif c.stack and c.stack[-1] is run:
            self._resume(c)

    def finish(self, c: Channel, run: Running, response: str | None = None) -> None:
        """An application ends; the one below it goes on."""
        run.cancel()
        c.stack.remove(run)
        if response is not None:
            c.response = response
            c.set("current_application_response", response)
        self._event(c, "CHANNEL_EXECUTE_COMPLETE", run, Application_Response=c.response or "_none_")
        self._resume(c)

    def _event(self, c: Channel, name: str, run: Running, **extra: str) -> None:
        data = {"Application_Data": run.argument} if run.argument else {}
        self.core.emit(name, c, Application=run.application, **data, **extra, Application_UUID=run.execution_id)

    def _pause(self, c: Channel) -> None:
        if c.stack and c.stack[-1].timer is not None:
            top = c.stack[-1]
            top.left_s = max(0.0, top.due - self.core.clock.monotonic())
            top.cancel()

    def _resume(self, c: Channel) -> None:
        if not c.stack or not c.is_up:
            return
        top = c.stack[-1]
        if top.left_s is not None and top.timer is None:
            top.due = self.core.clock.monotonic() + top.left_s
            top.timer = self.core.later(top.left_s, lambda: self._played(c, top, "done"))

    def _played(self, c: Channel, run: Running, status: str) -> None:
        if run not in c.stack:
            return
        if run.application == "playback":
            self.core.emit("PLAYBACK_STOP", c, Playback_File_Path=run.argument, Playback_Status=status)
            self.finish(c, run, "FILE PLAYED")
        else:
            self.finish(c, run)
        if not c.stack:
            self.run_plan(c)

    # --- answer, keys, breaks -------------------------------------------------------------------------------------

    def early_media(self, c: Channel) -> None:
        """Sound flows before an answer: a 183."""
        if not c.has_media:
            c.progress_media_at = self.core.clock.now()
            c.call_state = "EARLY"
            c.answer_state = "early"
            self.core.emit("CHANNEL_PROGRESS_MEDIA", c)
            if c.party is not None:
                c.party.on_hears(c.progress_media_at)

    def ring_ready(self, c: Channel) -> None:
        """The far end hears that it rings: a 180, unless it hears more already."""
        if c.is_up and not c.has_media and not c.progress_at:
            c.progress_at = self.core.clock.now()
            self.core.emit("CHANNEL_PROGRESS", c)

    def answer(self, c: Channel) -> None:
        """The leg is answered, by us (inbound) or by its phone."""
        if c.answered_at or not c.is_up:
            return
        if c.inbound and not c.progress_media_at:
            c.progress_media_at = self.core.clock.now()
            self.core.emit("CHANNEL_PROGRESS_MEDIA", c)
        c.answered_at = self.core.clock.now()
        c.answer_state = "answered"
        self.core.emit("CHANNEL_ANSWER", c)
        c.call_state = "ACTIVE"
        if c.party is not None:
            c.party.on_answered(c.answered_at)

    def key(self, c: Channel, digit: str, keys_as: KeysAs = "rfc2833") -> None:
        """The far end presses a key; tones are heard only where somebody listens for them."""
        if not c.is_up or (not c.has_media and keys_as != "info"):
            return
        if keys_as == "inband" and not c.detects_tones:
            return
        for source in _SOURCES[keys_as]:
            self._report_key(c, digit, source)

    def _report_key(self, c: Channel, digit: str, source: str) -> None:
        self.core.emit("DTMF", c, DTMF_Digit=digit, DTMF_Duration="800", DTMF_Source=source)
        top = c.stack[-1] if c.stack else None
        if top is not None and top.application == "playback":
            terminators = self.core.variable(c, "playback_terminators", "*")
            if terminators != "none" and (terminators == "any" or digit in terminators):
                c.set("playback_terminator_used", digit)
                self._played(c, top, "break")

    def break_off(self, c: Channel, *, everything: bool) -> None:
        """End what the leg plays, and what plays beneath it; `everything` empties its queue too."""
        if everything:
            c.waiting.clear()
        playing = [run for run in c.stack if run.application in _PLAYING]

        def stop() -> None:
            for run in reversed(playing):
                if c.is_up:
                    self._played(c, run, "break")

        if playing:
            self.core.soon(stop)

    # --- leaving what it does -------------------------------------------------------------------------------------

    def unwind(self, c: Channel) -> None:
        """A leg is torn out of its applications: by a bridge, a transfer or its end."""
        while c.stack:
            run = c.stack[-1]
            if run.application == "playback":
                self.core.emit("PLAYBACK_STOP", c, Playback_File_Path=run.argument, Playback_Status="done")
                self.finish(c, run, "PLAYBACK ERROR")
            else:
                if run.application == "park":
                    self.core.emit("CHANNEL_UNPARK", c)
                self.finish(c, run)
        if c.state == "CS_PARK":
            self.core.emit("CHANNEL_UNPARK", c)
            c.state = "CS_EXECUTE"

    def park(self, c: Channel) -> None:
        """Put a leg into the state of park, without the application."""
        c.state = "CS_PARK"
        self.core.emit("CHANNEL_PARK", c)
        self.wake(c)

    def take_out(self, c: Channel) -> None:
        """Park a leg out of whatever it does."""

        def move() -> None:
            if c.is_up:
                self.unwind(c)
                self.park(c)

        c.joining = None
        if c.peer is not None:
            self.bridging.leave(c, move)
        else:
            self.core.soon(move)

    def transfer(self, c: Channel, extension: str, context: str) -> None:
        """Move a leg to an extension, out of whatever it does."""
        c.dialled, c.context, c.transfer_at = extension, context, self.core.clock.now()
        c.other_id = ""
        if c.peer is not None:
            self.bridging.leave(c, lambda: self.route(c, extension, context))
            return

        def move() -> None:
            if c.is_up and (c.dialled, c.context) == (extension, context):
                self.unwind(c)
                self.route(c, extension, context)

        self.core.soon(move)

    # --- the end --------------------------------------------------------------------------------------------------

    def hangup(self, c: Channel, cause: str, *, by_party: bool = False, status: str = "") -> None:
        """A leg ends, by its phone or by us; `status` is the SIP status of a refusal."""
        if c.cause:
            return
        c.cause, c.hangup_at, c.answer_state = cause, self.core.clock.now(), "hangup"
        c.by_party = by_party
        c.set("hangup_cause", cause)
        if status:
            c.set("proto_specific_hangup_cause", f"sip:{status}")
            c.set("sip_hangup_disposition", "recv_cancel" if c.inbound else "recv_refuse")
        elif by_party:
            c.set("proto_specific_hangup_cause", "sip:200")
        for timer in c.timers:
            timer.cancel()
        for run in c.stack:
            run.cancel()
        self.core.emit("CHANNEL_HANGUP", c)
        c.set("sip_hangup_disposition", self._disposition(c, status))
        self.core.soon(lambda: self.bridging.part(c, lambda: self._reported(c)))

    def _disposition(self, c: Channel, status: str) -> str:
        if status and status != "302":
            return c.variables["sip_hangup_disposition"]
        if c.by_party and not status:
            return "recv_bye"
        if c.answered_at:
            return "send_bye"
        return "send_refuse" if c.inbound else "send_cancel"

    def _reported(self, c: Channel) -> None:
        if c.gone:
            return
        self.unwind(c)
        c.waiting.clear()
        for path in list(c.recordings):
            recordings.stop(self, c, path)
        c.state, c.call_state = "CS_REPORTING", "HANGUP"
        if self._cdr_folder is not None:
            cdr.write(self._cdr_folder, c, self.core.core_uuid)
        self.core.emit("CHANNEL_HANGUP_COMPLETE", c)
        for call in c.on_gone:
            call()
        c.gone = True
        self.core.emit("CHANNEL_DESTROY", c)
        self.core.channels.pop(c.uuid, None)
        if c.party is not None:
            c.party.on_ended(c.hangup_at, by_party=c.by_party, cause=c.cause)
