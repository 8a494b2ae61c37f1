"""The keys of `integrations.yaml`, as people write them: every one of them may be left out here.

What must be there, what fits together and what follows from presets and inheritance is decided in `checks.py`
and `resolve.py`, once the single values are known to be well formed. The JSON Schema for editors is made from
here.
"""

from emailint.config.keys_base import Keys, key
from emailint.config.kinds import (
    Address,
    Argv,
    AtOnce,
    Attempts,
    Automatic,
    Breaker,
    CasePrefix,
    Count,
    Day,
    DedupeScope,
    Duration,
    Flag,
    FollowUpTemplate,
    FormName,
    Host,
    HttpsUrl,
    IntegrationName,
    Line,
    NamedAddress,
    OutboundName,
    PathText,
    Port,
    ProtocolName,
    ProviderName,
    ReadableSecrets,
    ReplyLanguage,
    ReversePath,
    Secret,
    SignInFlow,
    Size,
    Template,
    TlsMode,
    TokenPolicy,
    UnknownSenderPolicy,
    Workspace,
)
from emailint.config.rule_keys import CaseKeys, RuleKeys
from emailint.config.rule_kinds import Domains, Holidays, RulesMatch, SenderPatterns, WorkspaceRules, Zone
from emailint.config.rules import WORKSPACE_RULES


class LimitKeys(Keys):
    """How many replies may go out."""

    address_hour: Count | None = key("replies to one address in an hour", default=5)
    address_day: Count | None = key("replies to one address in a day", default=20)
    domain_hour: Count | None = key("replies to one domain in an hour", default=100)
    public_domain_hour: Count | None = key(
        "replies to one public mail domain (gmail.com and the like) in an hour", default=1000
    )
    per_minute: Count | None = key("replies of one mailbox in a minute; the others wait. Presets set it")
    breaker: Breaker | None = key(
        "so many cases of one mailbox in such a time stop its replies", default="1000/10m"
    )


class ReplyKeys(Keys):
    """The automatic reply; the nearest of alias, integration, `defaults` and top wins, key by key."""

    template: Template = key(
        "the template of the reply, by name; `none`: nobody is answered",
        default="case-confirm",
        examples=["case-confirm", "none"],
    )
    language: ReplyLanguage | None = key(
        "the language of the reply. `auto`: that of the mail's Content-Language where the template is"
        " there in it, else English; `auto/de`: else German; `de`: always German",
        default="auto",
        examples=["auto", "de", "auto/es"],
    )
    from_: NamedAddress | None = key(
        "sender of the replies; the mailbox's address unless said; may hold a display name",
        alias="from",
        examples=["Payroll team <payroll@example.com>"],
    )
    envelope_from: ReversePath | None = key(
        "the address that bounces of replies go to; <> is nobody, which servers of your own take",
        examples=["<>", "bounces@example.com"],
    )
    max_age: Duration | None = key("older mail is not answered", default="2d")
    require_dmarc: Flag | None = key("answer only mail whose DMARC verdict is pass", default=False)
    follow_up_template: FollowUpTemplate | None = key(
        "the template that answers follow-ups; they are not answered unless said"
    )
    limit: LimitKeys | None = key("how many replies may go out")


class AliasSettings(Keys):
    """What is made of mail to an alias; may stand in `defaults` and in an integration too."""

    workspace: Workspace | None = key(
        "the client account; all digits are a number, anything else a name", examples=[1201]
    )
    always_use_default_workspace: Flag | None = key("no other rule is asked for the workspace", default=False)
    unknown_sender: UnknownSenderPolicy | None = key(
        "what becomes of mail from people who are not in the directory", default="accept"
    )
    automatic: Automatic | None = key(
        "what becomes of automatic mail, for all or per kind",
        default="case",
        examples=["ignore", {"bounce": "ignore"}],
    )
    trust_reply_to: tuple[Address, ...] | None = key(
        "addresses of web forms: of their mails the Reply-To is the sender",
        examples=[["noreply@forms.example.com"]],
    )
    form: FormName | None = key("the kind of case that is made", default="client_service_case")
    tokens: TokenPolicy | None = key(
        "whose CLID= and WSID= tokens count: of people in the directory, or of anyone", default="known"
    )
    workspace_rules: WorkspaceRules | None = key(
        "which rules are asked for the workspace, in this order", default=list(WORKSPACE_RULES)
    )
    subdomains: Flag | None = key("mail of a subdomain counts for the organisation's domain", default=False)
    allow: SenderPatterns | None = key(
        "senders that count as known: addresses, domains, globs of them, or /…/", examples=[["*.example.com"]]
    )
    deny: SenderPatterns | None = key(
        "senders whose mail is ignored; an address goes before domains and globs, else deny before allow"
    )
    case: CaseKeys | None = key("fields of the case")
    rules: tuple[RuleKeys, ...] | None = key("fields of the cases of some mails")
    rules_match: RulesMatch | None = key(
        "first: one rule at most; all: each that fits, the later over the earlier", default="first"
    )
    timezone: Zone | None = key(
        "whose clock and calendar `hours`, `days` and business days follow",
        default="UTC",
        examples=["America/New_York"],
    )
    holidays: Holidays | None = key("days that are no business days", examples=[["2026-12-25"]])
    reply: ReplyKeys | None = key("the automatic reply")


class AliasKeys(AliasSettings):
    """An address that mail to the mailbox is sent to."""

    address: Address | None = key("the address; compared without case", examples=["payroll@example.com"])
    default: Flag | None = key("takes what no other alias does; one an integration at most", default=False)


class OAuthKeys(Keys):
    """Sign-in without a password."""

    tenant: Line | None = key("Microsoft: the tenant, by id or domain")
    client_id: Line | None = key("the application's id")
    client_secret: Secret | None = key("the application's secret")
    certificate: PathText | None = key(
        "Microsoft: the application's certificate in place of a secret, a PEM file with its key or a PFX file"
    )
    certificate_password: Secret | None = key("the password of the certificate's file, where it has one")
    flow: SignInFlow | None = key("device: sign-in of a person, by `emailint authorize`")
    refresh_token: Secret | None = key(
        "Google, Yahoo, AOL: what signing in gave; `emailint authorize` makes one and keeps it"
    )
    service_account: PathText | None = key(
        "Google Workspace: the key file of a service account with domain-wide delegation"
    )
    authority: HttpsUrl | None = key(
        "where tokens come from, where not from the provider itself; Microsoft's follows from graph.base_url",
        examples=["https://login.microsoftonline.us"],
    )
    secret_expires: Day | None = key(
        "the last day of the client secret, to be warned 30 days ahead", examples=["2028-11-01"]
    )


class GraphKeys(Keys):
    """Microsoft Graph."""

    base_url: HttpsUrl | None = key(
        "its address, for national clouds",
        default="https://graph.microsoft.com",
        examples=["https://graph.microsoft.us"],
    )


class OutboundKeys(Keys):
    """How replies leave."""

    type: OutboundName | None = key(
        "smtp; sendmail: this machine's; folder: one .eml a reply, for trying things out; none",
        default="smtp",
    )
    host: Host | None = key("smtp: the server; the provider's unless said", examples=["mail.example.org"])
    port: Port | None = key("smtp: 465, with tls: starttls 587, with tls: none 25 unless said")
    tls: TlsMode | None = key(
        "smtp: how the connection is made safe; none to this machine only", default="implicit"
    )
    ca_file: PathText | None = key("smtp: certificates (PEM) to trust in place of the system's")
    username: Line | None = key("smtp: as above unless said; null: no login")
    password: Secret | None = key("smtp: as above unless said")
    command: Argv | None = key(
        "sendmail: the program and its first arguments", default=["/usr/sbin/sendmail"]
    )
    path: PathText | None = key("folder: where the .eml files go", examples=["data/outbox"])
    save_to_sent_items: Flag | None = key(
        "graph: false: the copy in Sent Items is removed for good once the reply is sent", default=True
    )


class IntegrationKeys(AliasSettings):
    """A mailbox, its aliases, how to reply."""

    name: IntegrationName | None = key("a name of your own, for commands and messages", examples=["payroll"])
    enabled: Flag | None = key("false: not swept", default=True)
    mailbox: Address | None = key("the mailbox's address", examples=["payroll@example.com"])
    protocol: ProtocolName | None = key("how the mailbox is read; the provider's unless said", default="imap")
    provider: ProviderName | None = key("fills in protocol, host, port, tls, outbound and authserv_id")
    host: Host | None = key("imap: the server", examples=["mail.example.org"])
    port: Port | None = key("imap: 993, with tls: starttls or none 143 unless said")
    tls: TlsMode | None = key(
        "how the connection is made safe; none to this machine only", default="implicit"
    )
    ca_file: PathText | None = key("certificates (PEM) to trust in place of the system's")
    username: Line | None = key("login name, where it differs from the mailbox")
    password: Secret | None = key("${NAME}, {file: …} or {command: [...]}; itself only in a private file")
    oauth: OAuthKeys | None = key("sign-in without a password")
    graph: GraphKeys | None = key("graph: where Microsoft Graph is")
    folder: Line | None = key("the folder that is swept", default="INBOX")
    since: Day | None = key(
        "mail received before this day is neither listed nor touched", examples=["2026-11-01"]
    )
    move_to: Line | None = key(
        "folder for what is done; it is marked read in any case", examples=["Processed"]
    )
    authserv_id: Line | None = key(
        "whose Authentication-Results are believed, or topmost-without-id", examples=["mail.example.org"]
    )
    path: PathText | None = key("maildir: its folder", examples=["/var/mail/desk"])
    outbound: OutboundKeys | None = key("how replies leave; the provider's server unless said")
    aliases: tuple[AliasKeys, ...] | None = key(
        "addresses of this mailbox; without it the mailbox's address is the one, default alias"
    )


class SweepLimitKeys(Keys):
    """Bounds of one sweep."""

    message_size: Size | None = key("of larger mail only the headers are read", default="35MB")
    attempts: Attempts | None = key("tries before a mail is quarantined", default=3)
    batch_messages: AtOnce | None = key("mails that are fetched at once", default=50)
    batch_bytes: Size | None = key("size of what is fetched at once", default="16MB")
    hooks: AtOnce | None = key("lines that each command is given in one sweep; the others wait", default=50)
    hook_time: Duration | None = key("how long a command may take for one line", default="30s")


class FollowUpKeys(Keys):
    """Messages that belong to a case that exists."""

    max_age: Duration | None = key("a message to an older case makes a new one", default="90d")


class ConfigKeys(Keys):
    """emailint: mailboxes, and what is made of their mail"""

    store: PathText | None = key("folder of cases.jsonl, the ledger and the rest", default="data")
    env_file: PathText | None = key(
        "KEY=VALUE lines that ${NAME} finds besides the environment; must be private"
    )
    directory: PathText | None = key("employees, contacts, organisations and their workspaces")
    public_domains: Domains | None = key(
        "more mail domains where anybody can have an address", examples=[["isp.example"]]
    )
    templates: PathText | None = key("folder of reply templates of your own")
    case_prefix: CasePrefix | None = key("what case ids begin with", default="CS")
    concurrency: AtOnce | None = key("mailboxes at once", default=32)
    deadline: Duration | None = key(
        "without a terminal a sweep ends by itself after this time", default="50s"
    )
    dedupe: DedupeScope | None = key(
        "whether a mail that reached two mailboxes is a case in each, or one", default="mailbox"
    )
    readable_secrets: ReadableSecrets | None = key(
        "accept: passwords may stand in files that other users of this machine can read", default="refuse"
    )
    limits: SweepLimitKeys | None = key("bounds of one sweep")
    on_case: Argv | None = key("a command, no shell, that is given each line of cases.jsonl, at least once")
    on_follow_up: Argv | None = key("the same for the lines of followups.jsonl")
    on_error: Argv | None = key("the same for errors that are opened, go on, or are closed")
    metrics: PathText | None = key(
        "a file for Prometheus (node_exporter's textfile collector), ending in .prom"
    )
    heartbeat: Secret | None = key("a URL that is pinged by each sweep, in healthchecks.io's manner")
    reply: ReplyKeys | None = key("the automatic reply, for all")
    follow_up: FollowUpKeys | None = key("messages that belong to a case that exists")
    defaults: AliasSettings | None = key("keys of aliases, for all aliases")
    integrations: tuple[IntegrationKeys, ...] | None = key("the mailboxes")
