"""Kinds of errors with what to do about them, and what the code says where it raises them."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING, Final

from emailint import errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emailint.errors import EmailintError

PACKAGE: Final = Path(errors.__file__).parent

CURES: Final[Mapping[type[EmailintError], str]] = {
    errors.EmailintError: "what the text says: it is about a command that you gave, and not about mail.",
    errors.ConfigError: "put right each line that `emailint check` names; no mailbox was touched.",
    errors.UsageError: "`emailint COMMAND --help` says what there is; nothing was done.",
    errors.StoreError: "see to the disk or the rights of the store folder; all mail stays unread until then."
    " `emailint store verify` says whether anything in it is amiss.",
    errors.StoreWarning: "keep other programs from changing files of the store (logrotate may rename them);"
    " `emailint store verify` says what is wrong, `emailint store rebuild` makes it again.",
    errors.LockTimeout: "see what the other sweep is doing (`emailint status`, `ps`); the next one tries again.",
    errors.StoreBusy: "nothing, unless it lasts: then the error says which process holds the store since when.",
    errors.DirectoryError: "put the directory file right (`emailint check` names the lines); the last good one"
    " serves until then.",
    errors.MetricsFailed: "make the folder, or let the user who runs emailint write to it; mail is taken as ever.",
    errors.SourceError: "`emailint test-connection NAME` goes through each step and says which one fails.",
    errors.ConnectionFailed: "check name, port and firewall with `emailint test-connection NAME`; a server that is"
    " down for a while needs nothing.",
    errors.TlsFailed: "check the host's name and the certificate's last day; for an authority of your own set"
    " `ca_file`. Certificates are always checked.",
    errors.LoginRefused: "check user name and secret; most providers want an app password or OAuth"
    " ([providers](providers.md)). `emailint authorize NAME` signs in anew where a person did.",
    errors.SecretUnavailable: "cron's environment is nearly empty: put the secret into `env_file:`, or name its file"
    " with `password: {file: …}`.",
    errors.SecretExpires: "make a new secret or certificate at the provider and write it, and its last day"
    " (`secret_expires`), into the configuration; until then all is well.",
    errors.FolderMissing: "`folder:` or `move_to:` names a folder that is not in the mailbox; names are the"
    " server's own, with its separator.",
    errors.FolderForbidden: "give the user the right to open the folder (Maildir: all three folders in it).",
    errors.FolderReadOnly: "give the user the right to mark mail read; its cases are made all the same, once each.",
    errors.Throttled: "nothing, unless it lasts; else sweep less often, or fewer mailboxes at once (`concurrency`).",
    errors.ProtocolFailed: "nothing, unless it lasts; else report what `emailint -vv process` says, to the server's"
    " people or to us.",
    errors.OutboundError: "`emailint retry CASE_ID` sends the reply once its cause is put right.",
    errors.OutboundUnavailable: "check `outbound:` with `emailint test-connection NAME`; replies wait, and go out"
    " when it answers.",
    errors.OutboundDeferred: "nothing: greylisting and full mailboxes pass, and it is tried again for a while.",
    errors.OutboundRefused: "the recipient may not exist, or the server does not let this sender write;"
    " `emailint dismiss ERROR_ID` where it is so.",
    errors.RepliesStopped: "look at the cases: a flood or a loop? `emailint retry CASE_ID` answers one of them,"
    " `reply.limit.breaker` sets the bound.",
    errors.OutcomeUnknown: "look into Sent Items or the server's log: did it leave? If not, `emailint retry CASE_ID`"
    " sends it; by itself it never goes out again.",
    errors.OutcomePending: "nothing yet: the server is asked what became of it for an hour.",
    errors.CopyLeft: "nothing, unless it lasts; else remove the copy from Sent Items by hand.",
    errors.MessageError: "`emailint explain` shows how the mail is read; after three tries it is quarantined,"
    " its octets are kept, and it makes a case.",
    errors.AttachmentError: "see to the disk of the store; the mail is tried again.",
    errors.ReplyBounced: "check the address in the case; the person has had no confirmation.",
    errors.Held: "`emailint explain` says why; once alias or directory is put right, `emailint retry --held`"
    " ([how](../how-to/held-mail.md)).",
    errors.Undelivered: "open the mail with another program: often the server's copy is damaged; all other mail"
    " goes on.",
    errors.Unmarked: "open the mail in the mailbox and mark it read there; its case is made, and all other mail goes on.",
    errors.Unmoved: "move the mail by hand; its case is made, and all other mail goes on.",
    errors.Quarantined: "its octets are in `quarantine/`; after an upgrade `emailint retry --quarantined` reads it"
    " anew.",
    errors.HookFailed: "run the command by hand with the line on its standard input; the lines wait for it.",
    errors.TemplateError: "`emailint check` and `emailint render-template` name file and line.",
}


def kinds() -> Iterator[type[EmailintError]]:
    """All kinds, as the tree in `errors.py` has them."""
    yield from CURES


def given() -> dict[str, list[tuple[str, str]]]:
    """Of each kind what is said, and the advice, wherever the code raises it with both in plain words."""
    found: dict[str, set[tuple[str, str]]] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
                hint = next((each.value for each in node.keywords if each.arg == "hint"), None)
                text, advice = _words(node.args[0]), _words(hint)
                if text and advice:
                    found.setdefault(node.func.id, set()).add((text, advice))
    return {name: sorted(rows) for name, rows in found.items()}


def _words(node: ast.expr | None) -> str:
    """A text as it stands in the code, with … for what is filled in; "" where it is made elsewhere."""
    match node:
        case ast.Constant(value=str(text)):
            return text.strip()
        case ast.JoinedStr(values=parts):
            said = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
            return said.strip() if any(letter.isalpha() for letter in said) else ""
    return ""
