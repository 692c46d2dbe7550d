"""/v1/voicemail-boxes: where callers leave messages. Rows of the configuration: core has a change at once."""

from __future__ import annotations

from typing import Annotated, Any

import falcon
import msgspec
from msgspec import UNSET, Meta, UnsetType

from ccd.base.codes import BadInput
from ccd.base.errors import NotFound, Refused
from ccd.side.http.exchange import answer, audited, body, changes, free_text, leading, name
from ccd.side.http.office import Office
from ccd.voicemail import model

MinMs = Annotated[int, Meta(ge=0, le=60_000)] | UnsetType
MaxMs = Annotated[int, Meta(ge=1_000, le=3_600_000)] | UnsetType
SilenceMs = Annotated[int, Meta(ge=1_000, le=60_000)] | UnsetType
Days = Annotated[int, Meta(ge=0, le=36_500)] | UnsetType


class ChangedBox(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """The body of PATCH /v1/voicemail-boxes/{box}; an empty queue or agent leaves it without that owner."""

    display_name: str | UnsetType = UNSET
    greeting: str | UnsetType = UNSET
    language: str | UnsetType = UNSET
    min_ms: MinMs = UNSET
    max_ms: MaxMs = UNSET
    silence_ms: SilenceMs = UNSET
    queue: str | UnsetType = UNSET
    agent: str | UnsetType = UNSET
    retention_days: Days = UNSET
    notify: str | UnsetType = UNSET


class NewBox(ChangedBox, forbid_unknown_fields=True, kw_only=True):
    """The body of POST /v1/voicemail-boxes: a name, and whatever differs from the defaults."""

    name: str


class VoicemailBoxes:
    """GET and POST /v1/voicemail-boxes."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response) -> None:
        """Every box with its owners' names."""
        answer(response, {"boxes": [_shown(self._office, box) for box in self._office.site.current.boxes]})

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Add a box."""
        given: dict[str, Any] = msgspec.to_builtins(body(request, NewBox))
        name(given["name"], "voicemail box")
        _check(self._office, given)
        with audited(request, "voicemail_boxes.add", given["name"]):
            box = self._office.store().add_box(**given)
        answer(response, {**msgspec.to_builtins(box), "applied": self._office.site.applied()}, 201)


class VoicemailBox:
    """GET, PATCH and DELETE /v1/voicemail-boxes/{box}."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def on_get(self, _: falcon.Request, response: falcon.Response, box: str) -> None:
        """One box, and which flows lead to it."""
        found = self._office.site.box(box)
        answer(response, {**_shown(self._office, found), "flows": self._office.site.flows_with_box(found.name)})

    def on_patch(self, request: falcon.Request, response: falcon.Response, box: str) -> None:
        """Change what the body gives; a message that is being spoken ends by the settings it began with."""
        given = changes(request, ChangedBox)
        _check(self._office, given)
        wanted = self._name(box)
        with audited(request, "voicemail_boxes.set", wanted):
            after = self._office.store().change_box(wanted, **given)
        answer(response, {**msgspec.to_builtins(after), "applied": self._office.site.applied()})

    def on_delete(self, request: falcon.Request, response: falcon.Response, box: str) -> None:
        """Take a box out of use; its messages stay."""
        wanted = self._name(box)
        with audited(request, "voicemail_boxes.remove", wanted):
            if flows := self._office.site.flows_with_box(wanted):
                raise Refused(f"voicemail box {wanted} is in use: {leading(flows)}")
            self._office.store().retire(model.Box, wanted)
        answer(response, {"name": wanted, "removed": True, "applied": self._office.site.applied()})

    def _name(self, box: str) -> str:
        """Its name; one that core does not know yet is looked for in the tables by what was said."""
        try:
            return self._office.site.box(box).name
        except NotFound:
            return name(box, "voicemail box")


def _shown(office: Office, box: model.Box) -> dict[str, Any]:
    current = office.site.current
    queues = {one.queue_id: one.name for one in current.queues}
    agents = {one.agent_id: one.name for one in current.agents}
    owners = {"queue": queues.get(box.queue_id, ""), "agent": agents.get(box.agent_id, "")}
    return {**msgspec.to_builtins(box), **owners}


def _check(office: Office, given: dict[str, Any]) -> None:
    """What is given must be there to be used; BadInput says what would do."""
    for key in ("display_name", "notify"):
        if key in given:
            given[key] = free_text(given[key], key)
    if "greeting" in given:
        office.references.prompt("greeting", name(given["greeting"], "prompt"))
    language = given.get("language", "")
    if language and not (len(language) == 2 and language.isascii() and language.isalpha() and language.islower()):
        raise BadInput("language: two letters, like zh or en")
    if given.get("queue"):
        office.site.queue(given["queue"])
    if given.get("agent"):
        office.site.agent(given["agent"])
