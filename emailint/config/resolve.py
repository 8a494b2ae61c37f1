"""From keys to settings: presets, inheritance, defaults, absolute paths. Nothing is refused here.

An alias's key comes from the nearest of alias, integration and `defaults`, `reply` also from the top.
`reply`, `reply.limit`, `case`, `case.fields` and `automatic` are put together key by key.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from emailint.config.keys import AliasSettings, OutboundKeys
from emailint.config.keys_base import Keys
from emailint.config.model import (
    AUTOMATIC_KINDS,
    Alias,
    CaseDefaults,
    Config,
    Integration,
    OutboundSettings,
    ReplyLimit,
    ReplySettings,
    SweepLimits,
)
from emailint.config.own import own_addresses
from emailint.config.providers import PROVIDERS
from emailint.config.resolve_rules import field_rule
from emailint.config.secrets import SecretFile
from emailint.config.sign_in import SignIn, clouds, issuer_of, takes_token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from emailint.config.keys import AliasKeys, ConfigKeys, IntegrationKeys, OAuthKeys
    from emailint.config.providers import Provider
    from emailint.config.secrets import SecretSource

_IMAP_PORTS: Final = {"implicit": 993, "starttls": 143, "none": 143}
_SMTP_PORTS: Final = {"implicit": 465, "starttls": 587, "none": 25}
_SENDMAIL: Final = ("/usr/sbin/sendmail",)
_ALIAS_SETTINGS: Final = tuple(each.name for each in AliasSettings.declared.values())

Said = dict[str, Any]
"""What was said, by key; mappings within are merged key by key."""


def resolve(keys: ConfigKeys, *, path: Path, digest: str) -> Config:
    """The whole configuration; `path` is absolute, and relative paths start at its folder."""
    base = path.parent
    integrations = tuple(
        _Resolver(keys, integration, base).integration() for integration in keys.integrations or ()
    )
    given = _given(keys, "case_prefix", "concurrency", "dedupe")
    if keys.public_domains is not None:
        given["public_domains"] = frozenset(keys.public_domains)
    if keys.deadline is not None:
        given["deadline"] = keys.deadline.total_seconds()
    if keys.follow_up is not None and keys.follow_up.max_age is not None:
        given["follow_up_max_age"] = keys.follow_up.max_age
    if keys.limits is not None:
        given["limits"] = SweepLimits(**_given(keys.limits))
    return Config(
        path=path,
        digest=digest,
        store=_absolute(keys.store, base) or base / "data",
        directory=_absolute(keys.directory, base),
        templates=_absolute(keys.templates, base),
        integrations=integrations,
        own_addresses=own_addresses(integrations),
        heartbeat=_secret(keys.heartbeat, base, readable=keys.readable_secrets == "accept"),
        metrics=_absolute(keys.metrics, base),
        hooks=MappingProxyType(_given(keys, "on_case", "on_follow_up", "on_error")),
        **given,
    )


class _Resolver:
    """One integration."""

    def __init__(self, config: ConfigKeys, keys: IntegrationKeys, base: Path) -> None:
        self._keys = keys
        self._base = base
        self._readable = config.readable_secrets == "accept"
        self._preset = PROVIDERS.get(keys.provider or "")
        self._inherited = merged(
            {"reply": _preset_reply(self._preset)},
            {"reply": said(config.reply) if config.reply else {}},
            said(config.defaults) if config.defaults else {},
            {name: value for name, value in said(keys).items() if name in _ALIAS_SETTINGS},
        )

    def integration(self) -> Integration:
        keys, preset = self._keys, self._preset
        protocol = keys.protocol or (preset.protocol if preset else "imap")
        tls = keys.tls or (preset.tls if preset else "implicit")
        port = keys.port or (preset.port if preset and not keys.tls else _IMAP_PORTS[tls])
        return Integration(
            name=keys.name or "",
            mailbox=keys.mailbox or "",
            enabled=keys.enabled is not False,
            protocol=protocol,  # type: ignore[arg-type]  # the grammar lets only these words in
            provider=keys.provider,
            host=keys.host or (preset.host if preset else "") if protocol == "imap" else "",
            port=port if protocol == "imap" else 0,
            tls=tls,  # type: ignore[arg-type]  # likewise
            ca_file=_absolute(keys.ca_file, self._base),
            username=keys.username or keys.mailbox or "",
            password=self._secret(keys.password),
            sign_in=self._sign_in(keys.oauth) if keys.oauth else None,
            graph_url=self._clouds()[1],
            folder=keys.folder or "INBOX",
            since=keys.since,
            move_to=keys.move_to,
            authserv_id=keys.authserv_id or (preset.authserv_id if preset else None),
            path=_absolute(keys.path, self._base),
            outbound=self._outbound(keys.outbound or OutboundKeys(), protocol),
            aliases=self._aliases(),
        )

    def _secret(self, source: SecretSource | None) -> SecretSource | None:
        return _secret(source, self._base, readable=self._readable)

    def _clouds(self) -> tuple[str, str]:
        keys = self._keys
        return clouds(
            keys.oauth.authority if keys.oauth else None, keys.graph.base_url if keys.graph else None
        )

    def _sign_in(self, keys: OAuthKeys) -> SignIn:
        issuer = issuer_of(self._keys.provider, self._keys.host or "")
        anybody = "consumers" if self._keys.provider in ("outlook", "hotmail") else "organizations"
        return SignIn(
            issuer=issuer,
            tenant=keys.tenant or (anybody if keys.flow else ""),
            client_id=keys.client_id or "",
            client_secret=self._secret(keys.client_secret),
            certificate=_absolute(keys.certificate, self._base),
            certificate_password=self._secret(keys.certificate_password),
            flow="device" if keys.flow else "app",
            refresh_token=self._secret(keys.refresh_token),
            service_account=_absolute(keys.service_account, self._base),
            authority=(self._clouds()[0] if issuer == "entra" else keys.authority) or "",
            secret_expires=keys.secret_expires,
            readable=self._readable,
        )

    def _outbound(self, keys: OutboundKeys, protocol: str) -> OutboundSettings:
        preset = self._preset
        kind = keys.type or self._outbound_type(keys, protocol)
        settings = OutboundSettings(type=kind)  # type: ignore[arg-type]  # the grammar lets only these words in
        if kind == "sendmail":
            return replace(settings, command=keys.command or _SENDMAIL)
        if kind == "folder":
            return replace(settings, path=_absolute(keys.path, self._base))
        if kind == "graph":
            return replace(
                settings, null_sender=False, save_to_sent_items=keys.save_to_sent_items is not False
            )
        if kind != "smtp":
            return settings
        preset = None if keys.host else preset
        tls = keys.tls or (preset.smtp_tls if preset else "implicit")
        login = self._login(keys)
        return replace(
            settings,
            host=keys.host or (preset.smtp_host if preset else ""),
            port=keys.port or (preset.smtp_port if preset and not keys.tls else _SMTP_PORTS[tls]),
            tls=tls,  # type: ignore[arg-type]  # likewise
            ca_file=_absolute(self._outbound_ca_file(keys, preset), self._base),
            username=login[0],
            password=login[1],
            by_token=login[0] is not None and login[1] is None and self._keys.oauth is not None,
            null_sender=preset is None,
        )

    def _outbound_type(self, keys: OutboundKeys, protocol: str) -> str:
        if keys.written - {"save_to_sent_items"}:
            return "smtp"
        if protocol == "graph":
            return "graph"
        return "smtp" if self._preset else "none"

    def _outbound_ca_file(self, keys: OutboundKeys, preset: Provider | None) -> Path | None:
        """As for reading unless said, but a provider's own server has a certificate that all systems know."""
        said_or_known = "ca_file" in keys.written or preset is not None
        return keys.ca_file if said_or_known else self._keys.ca_file

    def _login(self, keys: OutboundKeys) -> tuple[str | None, SecretSource | None]:
        """As for reading unless said; none where `username: null` says so, or where there is no password."""
        if "username" in keys.written and keys.username is None:
            return None, None
        password = self._secret(keys.password or self._keys.password)
        reading = self._keys.host or (self._preset.host if self._preset else "")
        by_token = self._keys.oauth is not None and takes_token(keys.host, reading)
        known = password is not None or by_token
        username = keys.username or (self._keys.username or self._keys.mailbox if known else None)
        return username, password

    def _aliases(self) -> tuple[Alias, ...]:
        keys = self._keys
        if keys.aliases is None:
            return (self._alias(keys.mailbox or "", {}, default=True),)
        return tuple(self._listed(alias) for alias in keys.aliases)

    def _listed(self, keys: AliasKeys) -> Alias:
        own = said(keys)
        return self._alias(own.pop("address", None) or "", own, default=bool(own.pop("default", False)))

    def _alias(self, address: str, own: Said, *, default: bool) -> Alias:
        values = merged(self._inherited, own)
        case, reply = values.pop("case", None), values.pop("reply", None)
        automatic = dict.fromkeys(AUTOMATIC_KINDS, "case") | (values.pop("automatic", None) or {})
        trusted = values.pop("trust_reply_to", None) or ()
        rules = values.pop("rules", None) or ()
        holidays = values.pop("holidays", None) or ()
        return Alias(
            address=address.lower(),
            default=default,
            automatic=MappingProxyType(automatic),
            trust_reply_to=frozenset(each.lower() for each in trusted),
            case=_case(case or {}),
            rules=tuple(field_rule(index, rule) for index, rule in enumerate(rules)),
            holidays=frozenset(holidays),
            reply=_reply(reply or {}),
            **_without_none(values),
        )


def said(keys: Keys) -> Said:
    """The keys that were written, null among them, by the names of fields; nested ones likewise."""
    found = {}
    for name in keys.written:
        value = getattr(keys, name)
        found[name] = said(value) if isinstance(value, Keys) else value
    return found


def merged(*layers: Mapping[str, Any]) -> Said:
    """Later layers win; mappings are put together key by key, and null takes a mapping away."""
    result: Said = {}
    for layer in layers:
        for name, value in layer.items():
            before = result.get(name)
            if isinstance(value, dict) and isinstance(before, dict):
                result[name] = merged(before, value)
            else:
                result[name] = value
    return result


def _case(values: Said) -> CaseDefaults:
    fields = values.get("fields") or {}
    rest = {name: value for name, value in values.items() if name != "fields"}
    return CaseDefaults(fields=MappingProxyType(dict(fields)), **_without_none(rest))


def _reply(values: Said) -> ReplySettings:
    rest = {name: value for name, value in values.items() if name not in ("limit", "template")}
    settings = ReplySettings(limit=_limit(values.get("limit") or {}), **_without_none(rest))
    return replace(settings, template=values["template"]) if "template" in values else settings


def _limit(values: Said) -> ReplyLimit:
    rest = {name: value for name, value in values.items() if name != "breaker"}
    if values.get("breaker"):
        rest["breaker_cases"], rest["breaker_window"] = values["breaker"]
    return ReplyLimit(**_without_none(rest))


def _preset_reply(preset: Provider | None) -> Said:
    return {"limit": {"per_minute": preset.per_minute}} if preset and preset.per_minute else {}


def _given(keys: Keys, *names: str) -> Said:
    """Values that are not null, of some keys or of all."""
    return _without_none({name: getattr(keys, name) for name in names or keys.written})


def _without_none(values: Mapping[str, Any]) -> Said:
    return {name: value for name, value in values.items() if value is not None}


def _secret(source: SecretSource | None, base: Path, *, readable: bool) -> SecretSource | None:
    if isinstance(source, SecretFile):
        return SecretFile(_absolute(source.path, base) or source.path, readable=readable)
    return source


def _absolute(path: Path | None, base: Path) -> Path | None:
    return None if path is None else base / path.expanduser()
