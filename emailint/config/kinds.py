"""The kinds of values that keys take: a grammar to read them with, and a JSON Schema that tells editors."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from emailint.config import grammar
from emailint.config.keys_base import Grammar
from emailint.config.model import AUTOMATIC_KINDS
from emailint.config.providers import PROVIDERS
from emailint.config.secrets import GivenSecret, SecretCommand, SecretFile


def _words(*allowed: str) -> Grammar:
    return Grammar(grammar.choice(*allowed), {"enum": list(allowed)})


def _number(low: int, high: int) -> Grammar:
    return Grammar(grammar.whole(low, high), {"type": "integer", "minimum": low, "maximum": high})


def _name(pattern: str, cure: str) -> Grammar:
    return Grammar(grammar.named(pattern, cure), {"type": ["string", "integer"], "pattern": f"^{pattern}$"})


def _text(parse: Callable[[object], object], **more: str) -> Grammar:
    return Grammar(parse, {"type": "string", **more})


_NAME_CURE: Final = "use letters, digits, dot, dash and underscore"
_SCALAR: Final = {"type": ["string", "number", "boolean"]}
_DURATION: Final = "[0-9]{1,8} ?[smhd]"
_ARGV_SCHEMA: Final[dict[str, Any]] = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_DISPOSAL_SCHEMA: Final = {"enum": ["case", "ignore"]}

_SECRET_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {
            "type": "string",
            "description": "${NAME}; a password itself only in a file that no one else can read",
        },
        {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
            "properties": {
                "file": {"type": "string", "description": "a private file, whose first line counts"},
                "command": {
                    **_ARGV_SCHEMA,
                    "description": "program and arguments, no shell, 10 s; the first line it prints counts",
                },
                "keyring": {"type": "string", "description": "not available yet in this version"},
            },
        },
    ],
}

_AUTOMATIC_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        _DISPOSAL_SCHEMA,
        {
            "type": "object",
            "additionalProperties": False,
            "properties": dict.fromkeys(AUTOMATIC_KINDS, _DISPOSAL_SCHEMA),
        },
    ]
}

_SIZE_SCHEMA: Final[dict[str, Any]] = {
    "anyOf": [
        {"type": "integer", "minimum": 1},
        {"type": "string", "pattern": "^[0-9]{1,12} ?(|B|[kK]B|MB|GB)$"},
    ]
}

_FIELDS_SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
}

_TEMPLATE: Final = _text(grammar.template, pattern=f"^{grammar.TEMPLATE_NAME}$")

Text = Annotated[str, Grammar(grammar.text, _SCALAR)]
Line = Annotated[str, Grammar(grammar.line, _SCALAR)]
Flag = Annotated[bool, Grammar(grammar.boolean, {"type": "boolean"})]
Duration = Annotated[timedelta, _text(grammar.duration, pattern=f"^{_DURATION}$")]
Size = Annotated[int, Grammar(grammar.size, _SIZE_SCHEMA)]
Day = Annotated[date, _text(grammar.day, format="date")]
Address = Annotated[str, _text(grammar.address, format="email")]
NamedAddress = Annotated[str, _text(grammar.named_address)]
ReversePath = Annotated[str, _text(grammar.reverse_path)]
Host = Annotated[str, _text(grammar.host)]
HttpsUrl = Annotated[str, _text(grammar.https_url, pattern="^https://")]
PathText = Annotated[Path, _text(grammar.path)]
Workspace = Annotated[int | str, Grammar(grammar.workspace, {"type": ["integer", "string"]})]
Template = Annotated[str | None, _TEMPLATE]
FollowUpTemplate = Annotated[str, _TEMPLATE]
ReplyLanguage = Annotated[
    str, _text(grammar.reply_language, pattern="^(auto|(auto/)?[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3})$")
]
Breaker = Annotated[tuple[int, timedelta], _text(grammar.breaker, pattern=f"^[0-9]{{1,9}}/{_DURATION}$")]
Argv = Annotated[tuple[str, ...], Grammar(grammar.argv, _ARGV_SCHEMA)]
Secret = Annotated[GivenSecret | SecretFile | SecretCommand, Grammar(grammar.secret, _SECRET_SCHEMA)]
Automatic = Annotated[dict[str, str], Grammar(grammar.automatic, _AUTOMATIC_SCHEMA)]
Fields = Annotated[dict[str, Any], Grammar(grammar.fields, _FIELDS_SCHEMA)]

Port = Annotated[int, _number(1, 65535)]
Count = Annotated[int, _number(1, 1_000_000)]
Attempts = Annotated[int, _number(1, 100)]
AtOnce = Annotated[int, _number(1, 1000)]

IntegrationName = Annotated[str, _name(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", _NAME_CURE)]
FormName = Annotated[str, _name(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", _NAME_CURE)]
CasePrefix = Annotated[
    str, _name(r"[A-Za-z][A-Za-z0-9]{0,15}", "use up to 16 letters and digits, a letter first, like CS")
]

ProtocolName = Annotated[str, _words("imap", "maildir", "graph")]
ProviderName = Annotated[str, _words(*PROVIDERS)]
TlsMode = Annotated[str, _words("implicit", "starttls", "none")]
OutboundName = Annotated[str, _words("smtp", "sendmail", "folder", "none", "graph")]
UnknownSenderPolicy = Annotated[str, _words("accept", "hold", "ignore")]
TokenPolicy = Annotated[str, _words("known", "anyone")]
DedupeScope = Annotated[str, _words("mailbox", "global")]
ReadableSecrets = Annotated[str, _words("refuse", "accept")]
SignInFlow = Annotated[str, _words("device")]
