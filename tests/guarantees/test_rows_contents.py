"""Rows 70 to 91: attachments, structure, charsets, and texts that would steer what shows them."""

from __future__ import annotations

import base64
import gc
import io
import signal
import time
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import Exit
from emailint.message.fingerprint import fingerprint
from emailint.store.attachments import FOLDER
from emailint.store.digests import folder_name
from emailint.store.records import Key
from tests.support.hostile import crlf, mail, others, take
from tests.support.memory import letter

if TYPE_CHECKING:
    from tests.support.desk import Desk
    from tests.support.world import World

MULTIPART = 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n'


def attached(*dispositions: str, content: str = "octets") -> bytes:
    """A mail with a file for each of these headers."""
    files = "".join(f"--b\n{each}\n\n{content}\n" for each in dispositions)
    return mail(MULTIPART, f"--b\nContent-Type: text/plain\n\nSee the file.\n{files}--b--")


def stored(world: World, case: dict[str, Any]) -> list[bytes]:
    """The octets of a case's attachments; each lies in its folder, under a name of ours."""
    data = world.folder / "data"
    found = []
    for each in case["attachments"]:
        path = data / each["path"]
        assert path.resolve().parent.parent == (data / FOLDER).resolve()
        assert path.name.startswith(tuple("0123456789"))
        found.append(path.read_bytes())
    return found


NAMED = [
    'Content-Disposition: attachment; filename="../../x"',
    'Content-Disposition: attachment; filename="/etc/cron.d/x"',
    'Content-Disposition: attachment; filename="..\\\\..\\\\x"',
    "Content-Disposition: attachment; filename*=utf-8''..%2F..%2Fetc%2Fpasswd",
    'Content-Disposition: attachment; filename="=?utf-8?B?Li4vLi4vLi4vZXRjL3Bhc3N3ZA==?="',
    'Content-Type: application/pdf; name="../../../../tmp/x"',
    "Content-Disposition: attachment; filename*0*=utf-8''..%2F; filename*1*=..%2Fx",
]


def test_row_070_names_that_lead_out_of_the_folder(world: World) -> None:
    taken = take(world, attached(*NAMED))
    assert len(stored(world, taken.case)) == len(NAMED)
    assert taken.withheld is None
    assert "../../x" in [each["name"] for each in taken.case["attachments"]]


@pytest.mark.parametrize(
    "name",
    [
        ".",
        "..",
        "",
        "a\\0b",
        "x" * 5_000,
        "cases.jsonl",
        "ledger.db",
        "a\u202efdp.exe",
        "CON",
        "-rf",
        "~root",
        "$(id)",
    ],
    ids=lambda name: name[:12] or "empty",
)
def test_row_071_names_that_are_none(world: World, name: str) -> None:
    taken = take(
        world,
        attached(f'Content-Type: application/x-thing\nContent-Disposition: attachment; filename="{name}"'),
    )
    (content,) = stored(world, taken.case)
    assert content.strip() == b"octets"
    (attachment,) = taken.case["attachments"]
    assert len(attachment["name"]) <= 5_000
    if name.isprintable() and "\\" not in name and len(name) < 100:
        assert attachment["name"] in {name, attachment["name"] if name in {"", ".", ".."} else name}


def test_row_072_one_name_a_hundred_times(world: World) -> None:
    named = [
        f'Content-Type: text/csv\nContent-Disposition: attachment; filename="a.csv"\nX-Number: {n}'
        for n in range(45)
    ]
    taken = take(world, attached(*named))
    assert len(stored(world, taken.case)) == 45
    many = [
        f'Content-Type: text/csv\nContent-Disposition: attachment; filename="a.csv"\nX-Number: {n}'
        for n in range(100)
    ]
    world.source.deliver(attached(*many).replace(b"<hostile@", b"<more@"))
    world.sweep()
    case = others(world)[-1]  # over the limit of 50: those, and the mail itself, which has all of them
    assert len(stored(world, case)) == 51
    assert stored(world, case)[-1].count(b"X-Number:") == 100


def test_row_073_a_link_planted_where_the_files_go(world: World) -> None:
    raw = attached(NAMED[0])
    world.source.deliver(letter(1, sender="first@example.net"))
    world.sweep()
    outside = world.folder.parent / "outside"
    outside.mkdir()
    (outside / "kept").write_text("as it was")
    name = folder_name(Key("payroll@example.org", fingerprint(raw)))
    (world.folder / "data" / FOLDER / name).symlink_to(outside)
    world.source.deliver(raw)
    world.source.deliver(letter(2, sender="second@example.net"))
    result = world.sweep()
    assert (result.totals.cases, result.totals.failed) == (1, 1)
    assert [path.name for path in outside.iterdir()] == ["kept"]
    assert len(world.source.unread()) == 1
    assert [error.trouble.kind for error in world.open_errors()] == ["attachment_error"]
    (world.folder / "data" / FOLDER / name).unlink()
    assert world.sweep().totals.cases == 1
    assert world.open_errors() == []


@pytest.mark.parametrize("fault", ["link", "open to all"])
def test_row_074_the_folder_of_attachments_is_elsewhere_or_open(
    desk: Desk, tmp_path_factory: pytest.TempPathFactory, fault: str
) -> None:
    desk.sweep()
    folder = desk.installation.folder / "data" / FOLDER
    if fault == "link":
        folder.rmdir()
        folder.symlink_to(tmp_path_factory.mktemp("elsewhere"))
    else:
        folder.chmod(0o777)
    desk.mailbox.deliver(letter(1))
    done = desk.installation.run("process", status=Exit.STORE)
    assert str(folder) in done.stderr
    assert "no mailbox was touched" in done.stderr
    assert (len(desk.mailbox.unread()), desk.cases()) == (1, [])


def bomb() -> bytes:
    """Ten megabytes of nothing in a few kilobytes, packed twice."""
    for_once = io.BytesIO()
    with zipfile.ZipFile(for_once, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("nothing", bytes(10_000_000))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(10):
            archive.writestr(f"{number}.zip", for_once.getvalue())
    return outer.getvalue()


def test_row_075_archives_are_never_opened(world: World) -> None:
    packed = bomb()
    headers = 'Content-Type: application/zip; name="a.zip"\nContent-Transfer-Encoding: base64'
    taken = take(world, attached(headers, content=base64.encodebytes(packed).decode().rstrip("\n")))
    assert stored(world, taken.case) == [packed]
    assert sum(path.stat().st_size for path in (world.folder / "data" / FOLDER).rglob("*.*")) < 1_000_000


@pytest.mark.parametrize(
    ("headers", "content"),
    [
        ("Content-Transfer-Encoding: base64", "QUFB" * 6_700_000),
        ("Content-Transfer-Encoding: quoted-printable", "=41" * 9_000_000),
        ("Content-Type: text/plain; charset=zlib", base64.b64encode(bytes(100)).decode()),
        ("Content-Type: text/plain; charset=bz2_codec", "BZh9"),
        ("Content-Type: text/plain; charset=hex", "4142"),
    ],
    ids=["base64", "quoted-printable", "zlib", "bz2", "hex"],
)
def test_row_076_much_from_little_and_codecs_that_are_no_charsets(
    world: World, headers: str, content: str
) -> None:
    taken = take(world, mail(f"MIME-Version: 1.0\n{headers}\n", content))
    (case,) = taken.cases
    assert len(case["issue"]) <= 1_000_000
    if "charset" in headers:
        assert case["issue"].startswith(content[:4])
        assert any("charset" in defect for defect in case["defects"])


@pytest.mark.parametrize(
    "charset", ["a\\0b", "idna", "no-such-charset", "utf-7", "punycode", "unicode_escape", "\u202e"]
)
def test_row_077_charsets_that_are_none(world: World, charset: str) -> None:
    raw = crlf(f'MIME-Version: 1.0\nContent-Type: text/plain; charset="{charset}"\n') + mail(
        body="+ADw-b+AD4- \udcfcber"
    )
    taken = take(world, raw)
    assert "ber" in taken.case["issue"]
    assert taken.withheld is None


def quick(world: World, raw: bytes, seconds: float) -> dict[str, Any]:
    gc.collect()
    gc.disable()  # what other tests left in this process is not this mail's
    try:
        begun = time.process_time()
        taken = take(world, raw)
        took = time.process_time() - begun
    finally:
        gc.enable()
    assert took < 2 * seconds  # twice, since the machine is shared
    return taken.case


def test_row_078_a_hundred_thousand_parts(world: World) -> None:
    case = quick(world, mail(MULTIPART, "--b\n\n\n" * 100_000 + "--b--"), 5)
    assert any("parts" in defect for defect in case["defects"])
    assert case["attachments"][-1]["name"] == "message.eml"


@pytest.mark.parametrize("kind", ["multipart/mixed; boundary=%d", "message/rfc822"])
def test_row_079_three_thousand_deep(world: World, kind: str) -> None:
    levels = "".join(
        f"Content-Type: {kind % n if '%' in kind else kind}\n\n{f'--{n}' + chr(10) if '%' in kind else ''}"
        for n in range(3_000)
    )
    case = quick(
        world,
        mail("MIME-Version: 1.0\n" + levels.partition("\n\n")[0] + "\n", levels.partition("\n\n")[2]),
        5,
    )
    assert any("deep" in defect for defect in case["defects"]) or case["attachments"]  # a message is a file
    assert not any("Recursion" in defect for defect in case["defects"])


@pytest.mark.parametrize(
    "headers",
    [
        "Cc: " + ", ".join(f"p{n}@x.org" for n in range(16_000)),
        "Subject: " + " ".join(["=?utf-8?Q?a?="] * 8_000),
        "Content-Type: text/plain" + "".join(f"; p{n}=v" for n in range(20_000)),
        "References: " + " ".join(f"<{n}@x>" for n in range(20_000)),
    ],
    ids=["recipients", "words", "parameters", "references"],
)
def test_row_080_headers_without_measure(world: World, headers: str) -> None:
    case = quick(world, mail(headers + "\n"), 1)
    assert any("over 16,000 octets" in defect for defect in case["defects"])
    assert case["issue"] == "Please help."


def test_row_081_five_thousand_parentheses(world: World) -> None:
    case = quick(world, mail(f"From: {'(' * 5_000}ann@example.com\n"), 1)
    assert case["reply"]["decision"] == "withhold"


@pytest.mark.parametrize(
    "date",
    ["Tue, 24 Nov 9999999999 17:00:00 +0000", "Tue, 24 Nov 2026 17:00:00 +9999", "", "\x00", "1e999", "now"],
)
def test_row_082_dates_that_cannot_be(world: World, date: str) -> None:
    taken = take(world, mail(f"Date: {date}\n"))
    assert taken.case["message"]["date"] is None or taken.case["message"]["date"].startswith("2026")
    assert taken.withheld is None


DEADLY = """
import signal
from emailint.message import read

whole = read._whole

def deadly(raw, settings):
    if b"Subject: deadly" in raw:
        signal.raise_signal(signal.SIGSEGV)  # to this thread: another one may take its time to die
    return whole(raw, settings)

read._whole = deadly
"""


def test_row_083_a_mail_that_kills_its_reader(desk: Desk) -> None:
    """It kills the sweep itself at first, then the child that reads it alone, three times."""
    startup = desk.installation.folder / "startup"
    startup.mkdir()
    (startup / "sitecustomize.py").write_text(DEADLY)
    desk.installation.environ["PYTHONPATH"] = f"{startup}:{desk.installation.environ['PYTHONPATH']}"
    desk.mailbox.deliver(letter(1, sender="p1@example.com"))
    desk.mailbox.deliver(mail("Subject: deadly\n"))
    desk.mailbox.deliver(letter(2, sender="p2@example.com"))
    assert desk.installation.run("process", status=None).returncode == -signal.SIGSEGV
    ends = [desk.installation.process(status=1)["totals"] for _ in range(3)]
    assert [(each["cases"], each["failed"], each["quarantined"]) for each in ends] == [
        (2, 1, 0),
        (0, 1, 0),
        (0, 0, 1),
    ]
    subjects = [case["subject"] for case in desk.cases()]
    assert subjects == ["Question 1", "Question 2", "deadly"]
    quarantined = desk.cases()[2]
    assert any(
        defect.startswith("parse_failed") and "signal 11" in defect for defect in quarantined["defects"]
    )
    assert quarantined["reply"] == {"decision": "withhold", "reason": "not_read"}
    assert [error.trouble.kind for error in desk.errors()] == ["quarantined"]
    desk.all_is_done(3, answered=2)
    desk.installation.process()


def test_row_084_sixty_megabytes(desk: Desk) -> None:
    desk.more = "limits: {message_size: 1MB}\n"
    desk.configure()
    desk.mailbox.deliver(letter(1, sender="p1@example.com"))
    desk.mailbox.deliver(mail("Subject: large\n", "x" * 70 + ("\n" + "x" * 70) * 20_000))
    totals = desk.sweep().totals
    assert totals.cases == 2
    large = desk.cases()[1]
    assert (large["subject"], large["issue"], large["attachments"]) == ("large", "", [])
    assert large["message"]["size"] > 1_400_000
    assert any("only its headers were read" in defect for defect in large["defects"])
    desk.all_is_done(2)
    assert len(desk.mailbox.messages()) == 2


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n",
        b"\x00" * 1_000,
        b"no headers at all",
        b"Subject: caf\xe9 \xff\xfe\r\nFrom: ann@example.com\r\n\r\n\xff\x00\xed\xa0\x80",
        b"From: ann@example.com\r\nSubject: no body",
        b"Subject: =?utf-8?B?7aCA7bCA?=\r\nFrom: ann@example.com\r\n\r\n\xed\xa0\x80",
        b"\xff" * 5_000,
        bytes(range(256)) * 20,
    ],
    ids=["nothing", "blank", "NUL", "text", "8-bit", "no-body", "surrogate", "ff", "all"],
)
def test_row_085_what_is_hardly_a_mail(world: World, raw: bytes) -> None:
    taken = take(world, raw)
    assert len(taken.cases) == 1  # and its line is ASCII, which `take` looks at
    assert taken.case["message"]["size"] == len(raw)


def test_row_086_a_line_in_the_subject(world: World) -> None:
    forged = '{"schema":1,"case_id":"CS-999999"}'
    encoded = base64.b64encode(f"x\n{forged}\n".encode()).decode()
    taken = take(world, mail(f"Subject: =?utf-8?B?{encoded}?=\n", f"{forged}\n\n{forged}"))
    assert [case["case_id"] for case in world.lines()] == ["CS-000001", "CS-000002", "CS-000003"]
    assert forged in taken.case["subject"]


STEERING = "\x1b]52;c;eA==\x07\x1b[2J\x1b[31m\x9b31m\u202e\u2066\u200b\x7f"


def test_row_087_escapes_in_the_subject(desk: Desk) -> None:
    encoded = base64.b64encode(f"x{STEERING}y".encode()).decode()
    desk.mailbox.deliver(
        mail(f"Subject: =?utf-8?B?{encoded}?=\nFrom: =?utf-8?B?{encoded}?= <ann@example.com>\n")
    )
    desk.mailbox.deliver(letter(1))
    desk.smtp.fault("RCPT", f"550 no{STEERING}")
    shown = [desk.installation.run("process", "--plain", status=None)]
    shown += [
        desk.installation.run(*each) for each in (["list-errors"], ["list-cases"], ["list-errors", "--all"])
    ]
    for done in shown:
        assert "\x1b" not in done.stdout + done.stderr
        assert all(each == "\n" or each.isprintable() for each in done.stdout + done.stderr)
    assert len(desk.cases()) == 2


@pytest.mark.parametrize(
    "subject", ["[/oops]", "[link=https://evil.example]click[/link]", "[bold red]x[/]", ":smile:"]
)
def test_row_088_markup_in_the_subject(
    world: World, subject: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from emailint.report import sweep as report  # noqa: PLC0415 - only here
    from emailint.report.screen import show  # noqa: PLC0415 - only here

    taken = take(world, mail(f"Subject: {subject}\n"))
    screen = io.StringIO()
    screen.isatty = lambda: True  # type: ignore[method-assign]  # a terminal, as far as anybody asks
    show(report.messages(taken.result), stream=screen)
    assert subject in screen.getvalue()
    assert "\x1b]8" not in screen.getvalue()


def test_row_089_a_command_in_the_message_id(desk: Desk, dovecot: Any) -> None:
    from tests.support.relay import Relay  # noqa: PLC0415 - only here

    desk.mailbox.deliver(mail("Message-ID: <a@b>\r\n A99 DELETE INBOX <x@y>\nSubject: A98 LOGOUT\n"))
    desk.mailbox.deliver(letter(1))
    with Relay(dovecot.port) as relay:
        desk.configure(host="127.0.0.1", port=relay.port, tls="none", ca=None)
        desk.sweep()
        said = bytes(relay.from_client)
    assert b"DELETE" not in said
    assert b"A98" not in said
    verbs = {line.split()[1] for line in said.splitlines() if len(line.split()) > 1}
    assert verbs <= {
        b"CAPABILITY",
        b"LOGIN",
        b"AUTHENTICATE",
        b"SELECT",
        b"UID",
        b"LOGOUT",
        b"ENABLE",
        b"ID",
        b"NOOP",
    }
    assert len(desk.cases()) == 2


@pytest.mark.parametrize("folder", ['a"b', "a\\\\b", "x\\r\\nA1 DELETE INBOX", "Grüße", "a&b", "*", "%"])
def test_row_090_odd_folder_names(desk: Desk, dovecot: Any, folder: str) -> None:
    from tests.support.relay import Relay  # noqa: PLC0415 - only here

    with Relay(dovecot.port) as relay:
        desk.configure(host="127.0.0.1", port=relay.port, tls="none", ca=None)
        path = desk.installation.folder / "integrations.yaml"
        quoted = folder.replace('"', '\\"')
        desk.installation.configure(
            path.read_text().replace("    username:", f'    folder: "{quoted}"\n    username:')
        )
        done = desk.installation.run("process", status=None)
        said = bytes(relay.from_client)
    assert b"DELETE" not in said
    assert done.returncode in {Exit.TROUBLE, Exit.CONFIG}
    assert "folder" in done.stderr
    if done.returncode == Exit.CONFIG:
        assert said == b""


@pytest.mark.parametrize(
    "body",
    [
        "On " + "\n" * 100_000 + "wrote:",
        "On 24 Nov\n" * 20_000,
        "text\n" + "\n" * 3_000,
        "<" * 10_000,
        "> " * 20_000,
        "-----\n" * 20_000,
        "On " * 60_000,
    ],
    ids=["On", "dates", "blank", "<", ">", "dashes", "ons"],
)
def test_row_091_texts_that_are_slow_to_search(world: World, body: str) -> None:
    quick(world, mail(body=body), 0.3)
