"""Secrets of ccd.yaml: from the key itself, from a file (`*_file`), or from a systemd credential."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ccd.base import web
from ccd.base.plain_files import first_bytes
from ccd.settings.model import Settings

_LARGEST = 4096
_SCHEMES = ("postgresql://", "postgres://", "postgresql+psycopg://")


@dataclass(frozen=True, slots=True)
class Secret:
    """A secret, its place in the settings and the name of its systemd credential."""

    where: tuple[str | int, ...]
    value: SecretStr
    file: str
    credential: str


def resolve_secrets(settings: Settings, base: Path, credentials: str) -> tuple[Settings, list[tuple[Secret, str]]]:
    """The settings with every secret read; and what went wrong, without a word of any secret."""
    faults: list[tuple[Secret, str]] = []

    def value_of(secret: Secret) -> SecretStr:
        if secret.value.get_secret_value() and secret.file:
            faults.append((secret, "give the value or its file, not both"))
            return secret.value
        try:
            return _read(secret, base, credentials)
        except ValueError as error:
            faults.append((secret, str(error)))
            return secret.value

    switches = []
    for index, switch in enumerate(settings.switches):
        where = ("switches", index, "password_file" if switch.password_file else "password")
        secret = Secret(where, switch.password, switch.password_file, f"switch_{switch.name}_password")
        switches.append(switch.model_copy(update={"password": value_of(secret)}))
    database = settings.database
    key = "url_file" if database.url_file else "url"
    secret = Secret(("database", key), database.url, database.url_file, "database_url")
    url = value_of(secret)
    if (text := url.get_secret_value()) and not text.startswith(_SCHEMES):
        faults.append((secret, "must begin with postgresql://"))
    tokens = []
    for index, token in enumerate(settings.http.tokens):
        place = ("http", "tokens", index, "token_file" if token.token_file else "token")
        secret = Secret(place, token.token, token.token_file, f"http_{token.name}_token")
        before, value = len(faults), value_of(secret)
        if len(faults) == before and (what := _unfit_token(value.get_secret_value())):
            faults.append((secret, what))
        tokens.append(token.model_copy(update={"token": value}))
    parts: dict[str, Any] = {
        "http": settings.http.model_copy(update={"tokens": tuple(tokens)}),
        "switches": tuple(switches),
        "database": database.model_copy(update={"url": url}),
    }
    return settings.model_copy(update=parts), faults


def _unfit_token(token: str) -> str:
    try:
        return "" if web.header_value(token) else "is empty: give the token or its file"
    except ValueError as unfit:
        return str(unfit)


def _read(secret: Secret, base: Path, credentials: str) -> SecretStr:
    if secret.value.get_secret_value():
        return secret.value
    if secret.file:
        return _from_file(base / secret.file)
    if credentials and os.path.lexists(path := Path(credentials) / secret.credential):
        return _from_file(path)
    if credentials and os.path.isdir(credentials) and not os.access(credentials, os.X_OK):
        raise ValueError(f"{credentials}, the folder of credentials, cannot be read")
    return secret.value


def _from_file(path: Path) -> SecretStr:
    try:
        data = first_bytes(path, _LARGEST + 1)
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}") from None
    try:
        text = data.decode().strip()
    except UnicodeDecodeError:
        raise ValueError(f"{path} is not text") from None
    if not text or "\n" in text or len(data) > _LARGEST:
        raise ValueError(f"{path} must hold one line")
    return SecretStr(text)
