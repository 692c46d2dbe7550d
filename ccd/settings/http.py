"""The section `http` of ccd.yaml: which hosts the flows' http nodes may ask, and with which tokens."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from ccd.base import web
from ccd.settings.kinds import Several, Word
from ccd.settings.types import DurationMs, Section, YesNo
from ccd.settings.units import duration_text

LONGEST_MS = 30_000


def _time(ms: int) -> int:
    if not 100 <= ms <= LONGEST_MS:
        raise ValueError(f"must be from 100ms to {duration_text(LONGEST_MS)}")
    return ms


def _scheme(text: str) -> str:
    return web.header_value(text) if text else text


Origin = Annotated[str, AfterValidator(web.origin)]
HeaderName = Annotated[str, AfterValidator(web.header_name)]
Time = Annotated[DurationMs, AfterValidator(_time)]


class HttpHost(Section):
    """A host that flows may ask."""

    url: Origin = Field(description="scheme, host and port, like https://crm.example.cn")
    ca_file: str = Field(default="", description="who signed its certificate, if not those of http.ca_file")
    secrets: YesNo = Field(
        default=False, description="secret values may go there though it is neither https nor this machine"
    )


class HttpToken(Section):
    """A secret that ccd puts into a header; flows know its name only."""

    name: Word = Field(description="how flows call it")
    host: Origin = Field(description="the only host that it is sent to, one of http.hosts")
    header: HeaderName = Field(default="Authorization", description="the header that carries it")
    scheme: Annotated[str, AfterValidator(_scheme)] = Field(
        default="Bearer", description="what stands before it, with a blank between; empty for nothing"
    )
    token: SecretStr = Field(default=SecretStr(""), description="the token; better in a file of its own")
    token_file: str = Field(default="", description="a file that holds it (or systemd credential http_<name>_token)")


class Http(Section):
    """What the flows' http nodes may do."""

    timeout_ms: Time = Field(
        default=5_000, alias="timeout", description="how long a request may take in all, 30s at most"
    )
    concurrent: int = Field(default=50, ge=1, le=500, description="requests at the same time; more wait")
    ca_file: str = Field(default="", description="certificates to trust; empty: those of the system")
    hosts: Annotated[tuple[HttpHost, ...], Several] = Field(default=(), description="the hosts that flows may ask")
    tokens: Annotated[tuple[HttpToken, ...], Several] = Field(default=(), description="tokens by name")

    @field_validator("hosts")
    @classmethod
    def _each_once(cls, hosts: tuple[HttpHost, ...]) -> tuple[HttpHost, ...]:
        urls = [host.url for host in hosts]
        if double := next((url for url in urls if urls.count(url) > 1), None):
            raise ValueError(f"{double} stands twice")
        return hosts

    @model_validator(mode="after")
    def _tokens_have_a_host(self) -> Http:
        names = [token.name for token in self.tokens]
        for token in self.tokens:
            if names.count(token.name) > 1:
                raise ValueError(f"token {token.name!r} stands twice")
            if token.host not in [host.url for host in self.hosts]:
                raise ValueError(f"token {token.name!r} is for {token.host}, which is none of http.hosts")
        return self

    def host(self, origin: str) -> HttpHost | None:
        """What is said of a host, by its origin."""
        return next((host for host in self.hosts if host.url == origin), None)

    def token(self, name: str) -> HttpToken | None:
        """A token by name."""
        return next((token for token in self.tokens if token.name == name), None)
