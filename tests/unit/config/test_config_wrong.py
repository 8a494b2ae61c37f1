"""Wrong configurations, each with what it is told: `#! path | what` stands on the line that is to blame."""

# ruff: noqa: E501 - a line holds a case and, on the very line, what is told about it

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from emailint.config.problems import ConfigProblems
from emailint.errors import Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from emailint.config.model import Config
    from emailint.config.problems import Problem

    Load = Callable[..., Config]
    Problems = Callable[..., tuple[Problem, ...]]

GOOD = """\
integrations:
- {name: ok, mailbox: ok@example.org, host: ok.example.org, password: '${PW}', outbound: {type: none}}
"""

DESK = """\
integrations:
- name: desk
  mailbox: desk@example.org
  password: ${PW}
  host: mail.example.org
  outbound: {host: mail.example.org}
"""

TOP = {
    "unknown key": "stor: data #! stor | unknown key",
    "unknown key without a neighbour": "zzz: 1 #! zzz | unknown key",
    "key of another level": "address_hour: 5 #! address_hour | unknown key",
    "store is a list": "store: [a] #! store | must be one value, not a list",
    "store is empty": "store: '' #! store | is empty",
    "store in another's home": "store: ~bob/data #! store | '~bob/data' names the home folder of somebody else",
    "prefix with a dash": "case_prefix: C-S #! case_prefix | 'C-S' cannot be used as a name here",
    "prefix too long": f"case_prefix: {'C' * 17} #! case_prefix | '{'C' * 17}' cannot be used as a name here",
    "concurrency of nothing": "concurrency: 0 #! concurrency | '0' is not a whole number from 1 to 1000",
    "concurrency in words": "concurrency: many #! concurrency | 'many' is not a whole number from 1 to 1000",
    "concurrency broken": "concurrency: 1.5 #! concurrency | '1.5' is not a whole number from 1 to 1000",
    "deadline without unit": "deadline: 50 #! deadline | '50' is not a duration",
    "deadline of nothing": "deadline: 0s #! deadline | '0s' is not a duration",
    "deadline with a foreign unit": "deadline: 2w #! deadline | '2w' is not a duration",
    "deadline beyond all days": "deadline: 99999999d #! deadline | '99999999d' is longer than anybody lives",
    "dedupe unheard of": "dedupe: everywhere #! dedupe | 'everywhere' is not known here",
    "limits as a list": "limits: [1] #! limits | must be a mapping",
    "limits as a text": "limits: 35MB #! limits | must be a mapping",
    "binary size": "limits: {message_size: 35MiB} #! limits.message_size | '35MiB' is not a size",
    "size of nothing": "limits: {batch_bytes: 0MB} #! limits.batch_bytes | '0MB' is not a size",
    "attempts too many": "limits: {attempts: 101} #! limits.attempts | '101' is not a whole number from 1 to 100",
    "batch too large": "limits: {batch_messages: 1001} #! limits.batch_messages | '1001' is not a whole number from 1 to 1000",
    "template by path": "reply: {template: ./own.j2} #! reply.template | './own.j2' cannot be used as a name here",
    "template of nothing": "reply: {template: } #! reply.template | is empty",
    "from without domain": "reply: {from: Payroll} #! reply.from | 'Payroll' is not an e-mail address",
    "from with two addresses": "reply: {from: 'a@b.c, d@e.f'} #! reply.from | 'a@b.c, d@e.f' is not an e-mail address",
    "from with a line break": 'reply: {from: "A\\nBcc: x <a@b.c>"} #! reply.from | \'A\\nBcc: x <a@b.c>\' holds a line break or another control character',
    "envelope with a name": "reply: {envelope_from: A <a@b.c>} #! reply.envelope_from | 'A <a@b.c>' is not an e-mail address",
    "dmarc maybe": "reply: {require_dmarc: maybe} #! reply.require_dmarc | 'maybe' is neither true nor false",
    "max_age in hours and minutes": "reply: {max_age: 1h30m} #! reply.max_age | '1h30m' is not a duration",
    "negative limit": "reply: {limit: {address_day: -1}} #! reply.limit.address_day | '-1' is not a whole number from 1 to 1000000",
    "breaker without time": "reply: {limit: {breaker: 1000}} #! reply.limit.breaker | '1000' is not a rate",
    "breaker of no case": "reply: {limit: {breaker: 0/10m}} #! reply.limit.breaker | '0/10m' is not a rate",
    "breaker with a wrong time": "reply: {limit: {breaker: 5/10}} #! reply.limit.breaker | '5/10' is not a duration",
    "follow_up misspelt": "follow_up: {maxage: 90d} #! follow_up.maxage | unknown key",
    "address in defaults": "defaults: {address: a@b.c} #! defaults.address | unknown key",
    "defaults with a wrong value": "defaults: {unknown_sender: drop} #! defaults.unknown_sender | 'drop' is not known here",
    "readable_secrets misspelt": "readable_secrets: acept #! readable_secrets | 'acept' is not known here",
    "unset variable": "store: ${NOWHERE}/data #! store | '${NOWHERE}/data' names the variable NOWHERE, which is not set",
    "lone dollar": "store: $HOME/data #! store | '$HOME/data' holds a lone `$`",
    "unclosed brace": "store: ${HOME #! store | '${HOME' holds a lone `$`",
    "two slips": "stor: x #! stor | unknown key\ndeadline: soon #! deadline | 'soon' is not a duration",
    "key given twice": "store: a\nstore: b #! store | stands here twice, first in line 1",
    "key that is a list": "[a]: b #! (file) | a key is not a name",
    "key that is nothing": "~: b #! (file) | a key is not a name",
    "a command in one text": "on_case: notify --quick #! on_case | 'notify --quick' is one text",
    "a command of nothing": "on_error: [] #! on_error | is not a list",
    "a command without time": "limits: {hook_time: 60s} #! limits.hook_time | leaves on_case no time: a sweep ends by itself after 50 s\non_case: [notify]",
    "a heartbeat in clear text": "heartbeat: http://hc.example/uuid #! heartbeat | is no https URL",
    "metrics by another name": "metrics: emailint.txt #! metrics | names a file 'emailint.txt' that node_exporter does not look for",
    "merge of a text": "limits: {<<: all} #! limits.<< | does not name a mapping",
    "tag of Python": "store: !!python/object/apply:os.system [id] #! (file) | a YAML tag (`!` before a value) has no meaning here",
    "tag of one's own": "store: !x data #! (file) | a YAML tag (`!` before a value) has no meaning here",
    "binary tag": "store: !!binary aGk= #! (file) | a YAML tag (`!` before a value) has no meaning here",
    "set": "limits: !!set {a} #! (file) | a YAML tag (`!` before a value) has no meaning here",
    "anchor in itself": "limits: &a {b: *a} #! (file) | an anchor holds itself",
    "alias of no anchor": "store: *nothing #! (file) | an alias (`*name`) names no anchor",
    "colon in a value": "store: a: b #! (file) | a colon stands where none can be",
    "reserved character": "store: @data #! (file) | a value begins with a character that YAML keeps",
    "wrong escape": 'store: "\\q" #! (file) | a backslash in double quotes begins nothing known',
}  # fmt: skip

INTEGRATION = {
    "unknown key": "  folde: INBOX #! integrations[0].folde | unknown key",
    "key of the reply": "  template: none #! integrations[0].template | unknown key",
    "folder with a line break": '  folder: "a\\r\\nb" #! integrations[0].folder | \'a\\r\\nb\' holds a line break or another control character',
    "folder with NUL": '  folder: "a\\0b" #! integrations[0].folder | \'a\\x00b\' holds a line break or another control character',
    "move_to with a line break": '  move_to: "a\\nb" #! integrations[0].move_to | \'a\\nb\' holds a line break or another control character',
    "moved onto itself": "  move_to: inbox #! integrations[0].move_to | is the folder that is swept",
    "enabled perhaps": "  enabled: perhaps #! integrations[0].enabled | 'perhaps' is neither true nor false",
    "since next week": "  since: next week #! integrations[0].since | 'next week' is not a date",
    "since the 31st of November": "  since: 2026-11-31 #! integrations[0].since | '2026-11-31' is not a date",
    "port zero": "  port: 0 #! integrations[0].port | '0' is not a whole number from 1 to 65535",
    "port of STARTTLS": "  port: 143 #! integrations[0].port | TLS does not begin at once on port 143",
    "clear text": "  tls: none #! integrations[0].tls | would talk to mail.example.org in clear text",
    "tls of old": "  tls: ssl #! integrations[0].tls | 'ssl' is not known here",
    "path of a maildir": "  path: mail #! integrations[0].path | means nothing for imap",
    "provider unheard of": "  provider: gmial #! integrations[0].provider | 'gmial' is not known here",
    "graph": "  protocol: graph #^ integrations[0] | Microsoft Graph needs oauth",
    "protocol unheard of": "  protocol: pop3 #! integrations[0].protocol | 'pop3' is not known here",
    "workspace with a line break": '  workspace: "a\\nb" #! integrations[0].workspace | \'a\\nb\' holds a line break or another control character',
    "always without workspace": "  always_use_default_workspace: true #^ integrations[0] | always_use_default_workspace is set, and there is no workspace",
    "tokens of everybody": "  tokens: everybody #! integrations[0].tokens | 'everybody' is not known here",
    "automatic dropped": "  automatic: drop #! integrations[0].automatic | 'drop' is not known here",
    "automatic of a person": "  automatic: {person: ignore} #! integrations[0].automatic | knows no kind 'person'",
    "bounces dropped": "  automatic: {bounce: drop} #! integrations[0].automatic | is neither case nor ignore for bounce",
    "trust in a text": "  trust_reply_to: a@b.c #! integrations[0].trust_reply_to | must be a list",
    "trust in no address": "  trust_reply_to: [a@b.c, b] #! integrations[0].trust_reply_to[1] | 'b' is not an e-mail address",
    "form with a blank": "  form: my form #! integrations[0].form | 'my form' cannot be used as a name here",
    "due when": "  case: {due_in: soon} #! integrations[0].case.due_in | 'soon' is not a duration",
    "field with a list": "  case: {fields: {a: [1]}} #! integrations[0].case.fields | holds a list or mapping under 'a'",
    "field beyond numbers": "  case: {fields: {a: .inf}} #! integrations[0].case.fields | holds a number under 'a' that JSON cannot",
    "field of endless digits": f"  case: {{fields: {{a: 0x{'f' * 4_000}}}}} #! integrations[0].case.fields | holds a number under 'a' that JSON cannot",
    "fields as a list": "  case: {fields: [a]} #! integrations[0].case.fields | must be a mapping",
    "dmarc of nobody": "  reply: {require_dmarc: true} #^ integrations[0] | require_dmarc is set, and nobody's verdicts are believed, so nobody would be answered",
    "no aliases": "  aliases: [] #! integrations[0].aliases | is empty",
    "alias as a text": "  aliases: [a@b.c] #! integrations[0].aliases[0] | must be a mapping",
    "alias without address": "  aliases: [{workspace: 1}] #! integrations[0].aliases[0] | the alias has no address",
    "alias twice": "  aliases: [{address: a@b.c}, {address: A@b.c}] #! integrations[0].aliases[1].address | the address a@b.c stands here twice",
    "two defaults": "  aliases: [{address: a@b.c, default: yes}, {address: d@b.c, default: yes}] #! integrations[0].aliases[1].default | a second alias is the default",
    "folder in an alias": "  aliases: [{address: a@b.c, folder: X}] #! integrations[0].aliases[0].folder | unknown key",
    "address with a comment": "  aliases: [{address: 'a(b)@c.d'}] #! integrations[0].aliases[0].address | 'a(b)@c.d' is not an e-mail address",
    "address like an option": "  aliases: [{address: -oQ/tmp@b.c}] #! integrations[0].aliases[0].address | '-oQ/tmp@b.c' is not an e-mail address",
    "address of umlauts": "  aliases: [{address: büro@b.c}] #! integrations[0].aliases[0].address | 'büro@b.c' is not an e-mail address",
}  # fmt: skip

WHOLE = {
    "unclosed quote": "store: 'data #! (file) | a quote is not closed",
    "unclosed bracket": "store: [data #! (file) | a bracket or brace is not closed",
    "two documents": "store: data\n--- #! (file) | a second document begins\nstore: data",
    "indentation": "limits:\n  - a\n - b #! (file) | the indentation fits nothing above",
    "neither key nor entry": "store: data\nintegrations\nx: y #! (file) | a line is neither `key: value` nor `- item`",
    "no integrations": "store: data #? integrations | there is no integration",
    "empty list of integrations": "integrations: [] #! integrations | there is no integration",
    "integrations as a mapping": "integrations: {a: b} #! integrations | must be a list",
    "integration as a text": "integrations: [payroll] #! integrations[0] | must be a mapping",
    "a list": "- a #! (file) | is not a mapping",
    "a text": "hello #! (file) | is not a mapping",
    "nothing but a comment": "#! (file) | is empty",
    "nothing is said": """\
integrations:
- enabled: true #! integrations[0] | the integration has no name #! integrations[0] | the integration has no mailbox #! integrations[0] | neither provider nor host says where the mailbox is #! integrations[0] | the integration has no password #! integrations[0] | replies are due, and nothing says how they leave
""",
    "name with a blank": """\
integrations:
- name: my mail #! integrations[0].name | 'my mail' cannot be used as a name here
  mailbox: a@b.c
  provider: gmail
  password: ${PW}
""",
    "mailbox without domain": """\
integrations:
- name: a
  mailbox: payroll #! integrations[0].mailbox | 'payroll' is not an e-mail address
  provider: gmail
  password: ${PW}
""",
    "password misspelt": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  pasword: ${PW} #! integrations[0].pasword | unknown key
""",
    "password of nothing": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: "" #! integrations[0].password | is empty
""",
    "password of an unset variable": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: ${NOWHERE} #! integrations[0].password | names the variable NOWHERE, which is not set
""",
    "password as a list": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: [hunter2] #! integrations[0].password | is not one text and not one source
""",
    "password in a shell": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: {command: pass show payroll} #! integrations[0].password | is one text
""",
    "password of no command": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: {command: []} #! integrations[0].password | is not a list
""",
    "password from a keyring": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: {keyring: a} #! integrations[0].password | names a keyring, which is not available yet in this version
""",
    "password from elsewhere": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: gmail
  password: {vault: a} #! integrations[0].password | names no source of secrets that is known
""",
    "host with a scheme": """\
integrations:
- name: a
  mailbox: a@b.c
  host: imaps://mail.b.c #! integrations[0].host | 'imaps://mail.b.c' is an address with a scheme
  password: ${PW}
  outbound: {type: none}
""",
    "host with a port": """\
integrations:
- name: a
  mailbox: a@b.c
  host: mail.b.c:993 #! integrations[0].host | 'mail.b.c:993' holds a port
  password: ${PW}
  outbound: {type: none}
""",
    "host with a blank": """\
integrations:
- name: a
  mailbox: a@b.c
  host: mail b.c #! integrations[0].host | 'mail b.c' is not a host name
  password: ${PW}
  outbound: {type: none}
""",
    "Office 365": """\
integrations:
- name: a #! integrations[0] | Microsoft Graph needs oauth
  mailbox: a@b.c
  provider: office365
""",
    "oauth beside a password": """\
integrations:
- name: a
  mailbox: a@gmail.com
  provider: gmail
  password: ${PW} #! integrations[0].password | stands beside oauth
  oauth: {client_id: c, client_secret: '${PW}'}
""",
    "Graph without an app": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: office365
  oauth: {tenant: t} #! integrations[0].oauth | there is no client_id #! integrations[0].oauth | nothing says how the app signs in
""",
    "Graph without a tenant": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: office365
  oauth: {client_id: c, client_secret: '${PW}'} #! integrations[0].oauth | there is no tenant
""",
    "Graph by two ways and a password": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  password: ${PW} #! integrations[0].password | means nothing for graph
  oauth: {tenant: t, client_id: c, client_secret: '${PW}', flow: device} #! integrations[0].oauth | client_secret and flow are several ways to sign in
""",
    "Graph in the clear": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  graph: {base_url: http://graph.microsoft.com} #! integrations[0].graph.base_url | 'http://graph.microsoft.com' is no https address
  oauth: {tenant: t, client_id: c, flow: device, authority: "https://user:x@login.example"} #! integrations[0].oauth.authority | 'https://user:***@login.example' is no https address
""",
    "Graph at no address": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  graph: {base_url: "https://["} #! integrations[0].graph.base_url | 'https://[' is no https address
  oauth: {tenant: t, client_id: c, flow: device}
""",
    "Graph with a host": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  host: graph.example #! integrations[0].host | means nothing for graph
  oauth: {tenant: t, client_id: c, client_secret: '${PW}'}
""",
    "a certificate that is not there": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  oauth:
    tenant: t
    client_id: c
    certificate: /nowhere/app.pem #! integrations[0].oauth.certificate | the secret file /nowhere/app.pem cannot be used: No such file or directory
""",
    "Gmail with Microsoft's keys": """\
integrations:
- name: a
  mailbox: a@gmail.com
  provider: gmail
  oauth:
    client_id: c
    tenant: t #! integrations[0].oauth.tenant | means nothing for gmail
    flow: device #! integrations[0].oauth.flow | means nothing for gmail
""",
    "iCloud with Microsoft's keys": """\
integrations:
- name: a
  mailbox: a@icloud.com
  provider: icloud
  oauth: {tenant: t, client_id: c, client_secret: '${PW}'} #! integrations[0].oauth | iCloud Mail has no sign-in by OAuth
""",
    "Gmail by Graph": """\
integrations:
- name: a
  mailbox: a@gmail.com
  provider: gmail
  protocol: graph #! integrations[0].protocol | Gmail is not at Microsoft, so that Graph does not reach it
  oauth: {tenant: t, client_id: c, client_secret: '${PW}'}
""",
    "Google's keys by host alone": """\
integrations:
- name: a
  mailbox: a@b.c
  host: imap.gmail.com
  oauth: {client_id: c, client_secret: '${PW}', flow: device} #! integrations[0].oauth.flow | means nothing for Google
  outbound: {type: none}
  reply: {template: none}
""",
    "a service account at Yahoo": """\
integrations:
- name: a
  mailbox: a@yahoo.com
  provider: yahoo
  oauth: {service_account: /nowhere} #! integrations[0].oauth.service_account | is for Google Workspace alone #! integrations[0].oauth.service_account | the secret file /nowhere cannot be used: No such file or directory
""",
    "Office 365 with a password by host alone": """\
integrations:
- name: a
  mailbox: a@b.c
  host: outlook.office365.com
  password: ${PW} #! integrations[0].password | Outlook.com takes no passwords any more
  reply: {template: none}
""",
    "Office 365 with a password": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: office365
  password: ${PW} #! integrations[0].password | Office 365 takes no passwords any more
""",
    "two tenants": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  oauth:
    authority: https://login.microsoftonline.com/t1/
    tenant: t2 #! integrations[0].oauth.tenant | the authority is for the tenant t1, and tenant says t2
    client_id: c
    client_secret: ${PW}
""",
    "an app for all tenants": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  oauth:
    tenant: common #! integrations[0].oauth.tenant | common is no tenant that an app can sign in to by itself
    client_id: c
    client_secret: ${PW}
- name: b
  mailbox: b@b.c
  protocol: graph
  oauth:
    tenant: https://login.microsoftonline.com/t #! integrations[1].oauth.tenant | 'https://login.microsoftonline.com/t' is no tenant
    client_id: c
    client_secret: ${PW}
""",
    "an app at personal accounts": """\
integrations:
- name: a
  mailbox: a@outlook.com
  provider: outlook
  oauth: {client_id: c, client_secret: '${PW}'} #! integrations[0].oauth | personal accounts let no app sign in by itself
""",
    "authorities that nobody can read": """\
integrations:
- name: a
  mailbox: a@b.c
  protocol: graph
  ca_file: /nowhere/ca.pem #! integrations[0].ca_file | the certificates in /nowhere/ca.pem cannot be read: No such file or directory
  oauth: {tenant: t, client_id: c, client_secret: '${PW}'}
""",
    "Gmail without an app": """\
integrations:
- name: a
  mailbox: a@gmail.com
  provider: gmail
  oauth: {client_secret: '${PW}'} #! integrations[0].oauth | there is no client_id
""",
    "Office 365 over IMAP with a password": """\
integrations:
- name: a
  mailbox: a@b.c
  provider: office365
  protocol: imap
  password: ${PW} #! integrations[0].password | Office 365 takes no passwords any more
""",
    "Outlook.com with a password": """\
integrations:
- name: a
  mailbox: a@outlook.com
  provider: outlook
  password: ${PW} #! integrations[0].password | Outlook.com takes no passwords any more
""",
    "Hotmail with nothing": """\
integrations:
- name: a #! integrations[0] | nothing says how to log in, and Outlook.com takes no passwords any more
  mailbox: a@hotmail.com
  provider: hotmail
""",
    "maildir without path": """\
integrations:
- name: a #! integrations[0] | a maildir needs a path
  mailbox: a@localhost
  protocol: maildir
  outbound: {type: none}
""",
    "maildir with a server": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  host: localhost #! integrations[0].host | means nothing for a maildir
  tls: none #! integrations[0].tls | means nothing for a maildir
  outbound: {type: none}
""",
    "maildir with replies that cannot leave": """\
integrations:
- name: a #! integrations[0] | replies are due, and nothing says how they leave
  mailbox: a@localhost
  protocol: maildir
  path: mail
""",
    "outbound unheard of": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {type: pigeon} #! integrations[0].outbound.type | 'pigeon' is not known here
""",
    "outbound of nothing": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {type: smtp} #! integrations[0].outbound | smtp needs a host
""",
    "folder without path": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {type: folder} #! integrations[0].outbound | a folder needs a path
""",
    "folder with a host": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {type: folder, path: out, host: b.c} #! integrations[0].outbound.host | means nothing for folder
""",
    "sendmail in a shell": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {type: sendmail, command: sendmail -t} #! integrations[0].outbound.command | 'sendmail -t' is one text
""",
    "smtp in clear text": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {host: b.c, tls: none} #! integrations[0].outbound.tls | would talk to b.c in clear text
""",
    "smtp on a port of STARTTLS": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {host: b.c, port: 587} #! integrations[0].outbound.port | TLS does not begin at once on port 587
""",
    "smtp with half a login": """\
integrations:
- name: a
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {host: b.c, username: a} #! integrations[0].outbound.username | has no password
""",
    "replies through Graph": """\
integrations:
- name: a #! integrations[0] | Microsoft Graph needs oauth
  mailbox: a@localhost
  protocol: maildir
  path: mail
  outbound: {type: graph}
""",
    "a copy that only Graph files": """\
integrations:
- name: a
  mailbox: a@gmail.com
  provider: gmail
  password: '${PW}'
  outbound: {save_to_sent_items: false} #! integrations[0].outbound.save_to_sent_items | means nothing for smtp
""",
    "one name for two": """\
integrations:
- {name: a, mailbox: a@gmail.com, provider: gmail, password: '${PW}'}
- {name: a, mailbox: b@gmail.com, provider: gmail, password: '${PW}'} #! integrations[1].name | integrations[0] is named a too
""",
    "one mailbox in two": """\
integrations:
- {name: a, mailbox: a@gmail.com, provider: gmail, password: '${PW}'}
- {name: b, mailbox: b@gmail.com, provider: gmail, password: '${PW}'}
- name: c #! integrations[2] | sweeps the same mailbox and folder as a
  mailbox: c@gmail.com
  username: A@gmail.com
  host: IMAP.gmail.com.
  folder: inbox
  password: ${PW}
  outbound: {type: none}
""",
    "one maildir in two": """\
integrations:
- {name: a, mailbox: a@localhost, protocol: maildir, path: mail, outbound: {type: none}}
- {name: b, mailbox: b@localhost, protocol: maildir, path: ./x/../mail/, outbound: {type: none}} #! integrations[1] | sweeps the same mailbox and folder as a
""",
    "slips everywhere, and each is told": """\
stor: data #! stor | unknown key
deadline: soon #! deadline | 'soon' is not a duration
reply: {template: none, limit: {per_hour: 5}} #! reply.limit.per_hour | unknown key
integrations:
- name: a
  mailbox: a@gmail.com
  provider: gmail
  pasword: x #! integrations[0].pasword | unknown key
  aliases:
  - {address: a@gmail.com, default: true}
  - {address: b, default: true} #! integrations[0].aliases[1].address | 'b' is not an e-mail address #! integrations[0].aliases[1].default | a second alias is the default
- name: a #! integrations[1].name | integrations[0] is named a too
  mailbox: c@example.org
  host: mail.example.org
  tls: none #! integrations[1].tls | would talk to mail.example.org in clear text
  password: ${NOWHERE} #! integrations[1].password | names the variable NOWHERE, which is not set
- name: c #! integrations[2] | the integration has no mailbox #! integrations[2] | neither provider nor host says where the mailbox is
  password: ${PW}
""",
    "an alias of an anchor is told where the anchor is": """\
x-all: &all {tls: none, host: mail.example.org} #! integrations[0].tls | would talk to mail.example.org in clear text
integrations:
- <<: *all
  name: a
  mailbox: a@example.org
  password: ${PW}
  outbound: {type: none}
""",
}  # fmt: skip

CASES = {
    **{f"top, {name}": f"{text}\n{GOOD}" for name, text in TOP.items()},
    **{f"integration, {name}": f"{DESK}{text}\n" for name, text in INTEGRATION.items()},
    **{f"whole, {name}": text for name, text in WHOLE.items()},
}

MARK = re.compile(r"#([!?^]) (.*?) \| (.*?)(?= #[!?^] |$)")


def expected(text: str) -> list[tuple[int, str, str]]:
    """What the marks say: `#!` this line, `#^` the first line of DESK's integration, `#?` the first line."""
    found = []
    for number, line in enumerate(text.splitlines(), start=1):
        for where, path, what in MARK.findall(line):
            found.append(({"!": number, "^": 2, "?": 1}[where], path, what))
    return sorted(found)


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_each_is_told_with_its_line_and_path(text: str, problems_of: Problems) -> None:
    found = problems_of(text)
    assert sorted((problem.line, problem.path, problem.what) for problem in found) == expected(text)


@pytest.mark.parametrize("text", CASES.values(), ids=CASES.keys())
def test_each_says_what_to_do_on_one_line(text: str, problems_of: Problems, file: Path) -> None:
    for problem in problems_of(text):
        assert re.fullmatch(r"[^\n]+:\d+  [^ \n]+(?: [^ \n]+)*  [^\n]+; \S[^\n]+", str(problem))
        assert str(problem).startswith(f"{file}:{problem.line}  {problem.path}  {problem.what}; ")
        assert "None" not in problem.cure


CURES = {
    ("stor: data", "did you mean `store`?"),
    ("address_hour: 5", "it belongs under `reply.limit`"),
    ("host: mail.example.org", "it belongs under `integrations`"),
    ("defaults: {store: data}", "it belongs to (file)"),
    ("defaults: {cases: {}}", "did you mean `case`?"),
    ("follow_up: {zzz: 1}", "take it out; known here are max_age"),
    ("dedupe: globl", "did you mean global? (one of mailbox, global)"),
}


@pytest.mark.parametrize(("text", "cure"), sorted(CURES))
def test_the_nearest_known_one_is_offered(text: str, cure: str, problems_of: Problems) -> None:
    (problem,) = problems_of(f"{text}\n{GOOD}")
    assert problem.cure == cure


def test_a_misspelt_key_is_not_missed_besides(problems_of: Problems) -> None:
    (problem,) = problems_of(GOOD.replace("mailbox:", "mialbox:"))
    assert problem.path == "integrations[0].mialbox"


def test_all_problems_stand_in_the_error(problems_of: Problems, load_text: Load) -> None:
    with pytest.raises(ConfigProblems) as caught:
        load_text(f"stor: x\ndeadline: soon\ndedupe: no\n{GOOD}")
    assert [problem.line for problem in caught.value.problems] == [1, 2, 3]
    assert str(caught.value) == f"{caught.value.problems[0]} (and 2 more problems)"
    assert caught.value.exit_code == Exit.CONFIG


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 60
