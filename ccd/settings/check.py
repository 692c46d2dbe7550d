"""Plain values into a pydantic model; its complaints into `file:line:column: where.it.is: what`."""

from __future__ import annotations

import difflib
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ccd.base.errors import SettingsError
from ccd.settings.yaml_file import Located, locate, to_plain

M = TypeVar("M", bound=BaseModel)

_WORDS = {
    "missing": "is missing",
    "int_parsing": "is not a whole number",
    "int_from_float": "is not a whole number",
    "int_type": "is not a whole number",
    "float_parsing": "is not a number",
    "string_type": "must be text, not a list or a mapping",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be a mapping",
    "model_type": "must be a mapping of keys and values",
    "model_attributes_type": "must be a mapping of keys and values",
    "string_too_short": "must not be empty",
    "too_short": "must not be empty",
}
_MANY, _LONG = 200, 64
_BOUNDS = {"greater_than_equal": ("at least", "ge"), "less_than_equal": ("at most", "le")}


def validate(tree: Located, model: type[M]) -> M:
    """The tree as a `model`; SettingsError lists every fault with its place."""
    try:
        return model.model_validate(to_plain(tree))
    except ValidationError as error:
        raise SettingsError(faults_of(error, tree, model)) from None


def faults_of(error: ValidationError, tree: Located, model: type[BaseModel]) -> list[str]:
    """Every complaint as one line. The input is not repeated: it might be a password."""
    faults = []
    for complaint in error.errors(include_url=False, include_input=False):
        where, place = locate(tree, complaint["loc"], of_key=complaint["type"] == "extra_forbidden")
        faults.append(place.fault(where, what_is_wrong(complaint, model)))
    return faults


def what_is_wrong(complaint: Any, model: type[BaseModel]) -> str:
    """One of pydantic's complaints about a `model`, in our words; flows are checked with it, too."""
    kind, loc = complaint["type"], complaint["loc"]
    if kind == "extra_forbidden":
        return "unknown key" + hint(str(loc[-1]), _keys_at(model, loc[:-1]))
    if kind == "value_error":
        return str(complaint["msg"]).removeprefix("Value error, ")
    if kind == "too_long":
        return f"holds more than {complaint['ctx']['max_length']}"
    if kind in ("literal_error", "enum"):
        return f"must be {complaint['ctx']['expected']}"
    if kind in _BOUNDS:
        word, bound = _BOUNDS[kind]
        return f"must be {word} {complaint['ctx'][bound]}"
    text = str(complaint["msg"])
    return _WORDS.get(kind) or text[:1].lower() + text[1:]


def hint(word: str, known: list[str]) -> str:
    """`; did you mean 'x'?` when something like `word` is known, else the known ones."""
    if len(known) > _MANY:  # nobody reads them all, and comparing them takes long
        return ""
    close = difflib.get_close_matches(word, known, n=1) if len(word) <= _LONG else []
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known are {', '.join(sorted(known))}" if known else ""


def _keys_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """The keys known at `loc`; none when a union leaves open which model is meant."""
    candidates: list[type[BaseModel]] = [model]
    for step in loc:
        if len(candidates) > 1:
            candidates = [one for one in candidates if _tagged(one, step)]
        elif candidates and (info := candidates[0].model_fields.get(str(step))) is not None:
            candidates = _models_in(info.annotation)
    if len(candidates) != 1:
        return []
    return [info.alias or name for name, info in candidates[0].model_fields.items()]


def _tagged(model: type[BaseModel], tag: int | str) -> bool:
    """Whether `tag` is what a union calls this model by: a Literal of one of its fields."""
    return any(
        get_origin(info.annotation) is Literal and tag in get_args(info.annotation)
        for info in model.model_fields.values()
    )


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
