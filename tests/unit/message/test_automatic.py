"""What is automatic mail, what merely looks so, and which header says it."""

# ruff: noqa: RUF001 - letters of other alphabets are meant

from __future__ import annotations

from typing import Final

import pytest

from emailint.message import read_message
from emailint.message.model import Automatic, Kind, ReadSettings, Signal
from tests.support.timing import assert_within

SETTINGS: Final = ReadSettings(own_addresses=frozenset({"payroll@bigtmepeo.com", "benefits@bigtmepeo.com"}))
PERSON: Final = "From: Ann Lee <ann@example.com>\nTo: payroll@bigtmepeo.com\nReturn-Path: <ann@example.com>\n"
DAEMON: Final = "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nTo: payroll@bigtmepeo.com\n"


def judged(mail: str) -> tuple[Kind, tuple[Signal, ...]]:
    message = read_message(mail.encode(), SETTINGS)
    assert not [defect for defect in message.defects if "kind" in defect]
    return message.kind, message.signals


def headers(text: str, subject: str = "Hours", body: str = "My hours are wrong.") -> str:
    return f"{text.rstrip()}\nSubject: {subject}\n\n{body}\n"


ONE_HEADER: Final = [
    # header, kind, source, reason; None for no signal
    ("Auto-Submitted: auto-replied", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    ("Auto-Submitted: auto-generated", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    ("Auto-Submitted: auto-notified", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    ("Auto-Submitted: AUTO-REPLIED", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    ("auto-submitted: auto-replied", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    (
        'Auto-Submitted: auto-replied; owner-email="a@b"',
        Kind.AUTO_REPLY,
        "Auto-Submitted",
        Automatic.AUTO_SUBMITTED,
    ),
    (
        "Auto-Submitted: auto-generated (vacation)",
        Kind.AUTO_REPLY,
        "Auto-Submitted",
        Automatic.AUTO_SUBMITTED,
    ),
    (
        "Auto-Submitted: (rejected) auto-generated",
        Kind.AUTO_REPLY,
        "Auto-Submitted",
        Automatic.AUTO_SUBMITTED,
    ),
    ("Auto-Submitted: foo=bar", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    ("Auto-Submitted: yes", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    ("Auto-Submitted:", Kind.AUTO_REPLY, "Auto-Submitted", Automatic.AUTO_SUBMITTED),
    (
        "Auto-Submitted: no\nAuto-Submitted: auto-replied",
        Kind.AUTO_REPLY,
        "Auto-Submitted",
        Automatic.AUTO_SUBMITTED,
    ),
    ("Auto-Submitted: no", Kind.PERSON, None, None),
    ("Auto-Submitted: No", Kind.PERSON, None, None),
    ("Auto-Submitted: no; reason=person", Kind.PERSON, None, None),
    ("Auto-Submitted: (a person) no (indeed)", Kind.PERSON, None, None),
    ("Auto-Submitted: (by (his own) hand) no", Kind.PERSON, None, None),
    ("List-Id: Payroll <payroll.lists.example.org>", Kind.LIST, "List-Id", Automatic.LIST),
    ("List-Post: <mailto:payroll@lists.example.org>", Kind.LIST, "List-Post", Automatic.LIST),
    ("List-Unsubscribe: <https://example.org/u>", Kind.LIST, "List-Unsubscribe", Automatic.LIST),
    ("LIST-HELP: <mailto:h@example.org>", Kind.LIST, "List-Help", Automatic.LIST),
    ("List-Owner: <mailto:o@example.org>", Kind.LIST, "List-Owner", Automatic.LIST),
    ("List-Archive: <https://example.org/a>", Kind.LIST, "List-Archive", Automatic.LIST),
    (
        "Mailing-List: list payroll@example.org; contact o@example.org",
        Kind.LIST,
        "Mailing-List",
        Automatic.LIST,
    ),
    ("Precedence: bulk", Kind.LIST, "Precedence", Automatic.LIST),
    ("Precedence: list", Kind.LIST, "Precedence", Automatic.LIST),
    ("Precedence: Junk", Kind.LIST, "Precedence", Automatic.LIST),
    ("Precedence: bulk (all of us)", Kind.LIST, "Precedence", Automatic.LIST),
    ("Precedence: auto_reply", Kind.AUTO_REPLY, "Precedence", Automatic.MACHINE),
    ("Precedence: normal", Kind.PERSON, None, None),
    ("Precedence: first-class", Kind.PERSON, None, None),
    ("Precedence: special-delivery", Kind.PERSON, None, None),
    ("Precedence:", Kind.PERSON, None, None),
    ("Feedback-ID: 1.eu.abc:AmazonSES", Kind.PERSON, "Feedback-ID", Automatic.LIST),
    ("X-Auto-Response-Suppress: All", Kind.PERSON, "X-Auto-Response-Suppress", Automatic.SUPPRESSED),
    ("X-Auto-Response-Suppress: all", Kind.PERSON, "X-Auto-Response-Suppress", Automatic.SUPPRESSED),
    ("X-Auto-Response-Suppress: AutoReply", Kind.PERSON, "X-Auto-Response-Suppress", Automatic.SUPPRESSED),
    (
        "X-Auto-Response-Suppress: DR, OOF, AutoReply",
        Kind.PERSON,
        "X-Auto-Response-Suppress",
        Automatic.SUPPRESSED,
    ),
    (
        "X-Auto-Response-Suppress: DR,RN,AUTOREPLY",
        Kind.PERSON,
        "X-Auto-Response-Suppress",
        Automatic.SUPPRESSED,
    ),
    ("X-Auto-Response-Suppress: None", Kind.PERSON, None, None),
    ("X-Auto-Response-Suppress: OOF", Kind.PERSON, None, None),
    ("X-Auto-Response-Suppress: DR, RN, NRN, OOF", Kind.PERSON, None, None),
    ("X-Auto-Response-Suppress: Allowed", Kind.PERSON, None, None),
    ("X-Auto-Response-Suppress:", Kind.PERSON, None, None),
    ("X-Autoreply: yes", Kind.AUTO_REPLY, "X-Autoreply", Automatic.MACHINE),
    ("X-AutoReply: YES", Kind.AUTO_REPLY, "X-Autoreply", Automatic.MACHINE),
    ("X-Autoreply: no", Kind.PERSON, None, None),
    ("X-Autorespond: Away", Kind.AUTO_REPLY, "X-Autorespond", Automatic.MACHINE),
    ("X-Autorespond:", Kind.AUTO_REPLY, "X-Autorespond", Automatic.MACHINE),
    ("X-Autoresponder: 1", Kind.AUTO_REPLY, "X-Autoresponder", Automatic.MACHINE),
    ("X-Auto-Generated: true", Kind.AUTO_REPLY, "X-Auto-Generated", Automatic.MACHINE),
    ("X-Auto-Generated: false", Kind.PERSON, None, None),
    ("X-FC-MachineGenerated: true", Kind.AUTO_REPLY, "X-FC-MachineGenerated", Automatic.MACHINE),
    ("X-POST-MessageClass: 9; Autoresponder", Kind.AUTO_REPLY, "X-POST-MessageClass", Automatic.MACHINE),
    ("Delivered-To: Autoresponder", Kind.AUTO_REPLY, "Delivered-To", Automatic.MACHINE),
    ("Delivered-To: autoresponder@example.org", Kind.PERSON, None, None),
    ("X-Mailer: vacation", Kind.AUTO_REPLY, "X-Mailer", Automatic.MACHINE),
    ("X-Mailer: Microsoft Outlook 16.0", Kind.PERSON, None, None),
    ("X-Loop: payroll@example.org", Kind.PERSON, "X-Loop", Automatic.MACHINE),
    ("X-Failed-Recipients: bob@example.net", Kind.BOUNCE, "X-Failed-Recipients", Automatic.MACHINE),
    ("X-MS-Exchange-Message-Is-Ndr:", Kind.BOUNCE, "X-MS-Exchange-Message-Is-Ndr", Automatic.MACHINE),
    ("X-Emailint-Id: CS-000042", Kind.OWN, "X-Emailint-Id", Automatic.OWN),
    ("Reply-To: Payroll <PAYROLL@bigtmepeo.com>", Kind.OWN, "Reply-To", Automatic.OWN),
    ("Reply-To: ann@home.example", Kind.PERSON, None, None),
    ("Importance: high", Kind.PERSON, None, None),
    ("X-Spam-Flag: YES", Kind.PERSON, None, None),
    ("X-MS-Exchange-Inbox-Rules-Loop: ann@example.com", Kind.PERSON, None, None),
]


@pytest.mark.parametrize(
    ("header", "kind", "source", "reason"), ONE_HEADER, ids=[row[0] for row in ONE_HEADER]
)
def test_one_header(header: str, kind: Kind, source: str | None, reason: Automatic | None) -> None:
    expected = (Signal(source, reason),) if source and reason else ()
    assert judged(headers(PERSON + header)) == (kind, expected)


AUTOMATED: Final = Automatic.AUTOMATED_SENDER
NULL: Final = Automatic.NULL_SENDER
OWN: Final = Automatic.OWN
SENDERS: Final = [
    # Return-Path, From, kind, (source, reason) of each signal
    ("<>", "ann@example.com", Kind.AUTO_REPLY, [("Return-Path", NULL)]),
    ("< >", "ann@example.com", Kind.AUTO_REPLY, [("Return-Path", NULL)]),
    ("<> (bounce)", "ann@example.com", Kind.AUTO_REPLY, [("Return-Path", NULL)]),
    ("", "ann@example.com", Kind.AUTO_REPLY, [("Return-Path", NULL)]),
    ("<ann@example.com>", "ann@example.com", Kind.PERSON, []),
    ("ann@example.com", "ann@example.com", Kind.PERSON, []),
    ("<MAILER-DAEMON>", "ann@example.com", Kind.AUTO_REPLY, [("Return-Path", AUTOMATED)]),
    ("<owner-payroll@example.com>", "ann@example.com", Kind.PERSON, [("Return-Path", AUTOMATED)]),
    ("<payroll-bounces@example.com>", "ann@example.com", Kind.PERSON, [("Return-Path", AUTOMATED)]),
    ("<pay-bounces+ann=a.b@x.com>", "ann@example.com", Kind.PERSON, [("Return-Path", AUTOMATED)]),
    ("<payroll-request@example.com>", "ann@example.com", Kind.PERSON, [("Return-Path", AUTOMATED)]),
    ("<bounces+12-ab=c.d@em.example.com>", "ann@example.com", Kind.PERSON, []),
    ("<ann@example.com>", "noreply@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "no-reply@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "No_Reply@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "no.reply@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "noreply+7@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "forms-noreply@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "noreply-dmarc@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "donotreply@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "do-not-reply@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "nicht-antworten@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "ne-pas-repondre@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "postmaster@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "MAILER-DAEMON@example.com", Kind.AUTO_REPLY, [("From", AUTOMATED)]),
    ("<ann@example.com>", "listserv@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "majordomo@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "jobs-request@example.com", Kind.PERSON, [("From", AUTOMATED)]),
    ("<ann@example.com>", "owner@example.com", Kind.PERSON, []),
    ("<ann@example.com>", "request@example.com", Kind.PERSON, []),
    ("<ann@example.com>", "norepley@example.com", Kind.PERSON, []),
    ("<ann@example.com>", "noreen@example.com", Kind.PERSON, []),
    ("<ann@example.com>", "replies@example.com", Kind.PERSON, []),
    ("<ann@example.com>", "bouncer@example.com", Kind.PERSON, []),
    ("<ann@example.com>", "ann@noreply.example.com", Kind.PERSON, []),
    ("<ann@example.com>", '"noreply@example.com" <ann@example.com>', Kind.PERSON, []),
    ("<ann@example.com>", "Payroll <payroll@bigtmepeo.com>", Kind.OWN, [("From", OWN)]),
    ("<ann@example.com>", "BENEFITS@bigtmepeo.com", Kind.OWN, [("From", OWN)]),
    ("<ann@example.com>", '"payroll@bigtmepeo.com" <ann@example.com>', Kind.PERSON, []),
    ("<ann@example.com>", "payroll@bigtmepeo.com.example.net", Kind.PERSON, []),
]


@pytest.mark.parametrize(
    ("path", "sender", "kind", "signals"), SENDERS, ids=[f"{row[0]} {row[1]}" for row in SENDERS]
)
def test_sender(path: str, sender: str, kind: Kind, signals: list[tuple[str, Automatic]]) -> None:
    mail = headers(f"Return-Path: {path}\nFrom: {sender}\nTo: payroll@bigtmepeo.com")
    assert judged(mail) == (kind, tuple(Signal(*signal) for signal in signals))


AUTO_SUBJECTS: Final = [
    "Automatic reply: Hours",
    "Automatic Reply : Re: Hours",
    "[EXTERNAL] Automatic reply: Hours",
    "[Auto-Reply] Hours",
    "[EXTERNAL] [Auto-Reply] Hours",
    "Auto-Reply: Hours",
    "AutoReply: Hours",
    "Auto response: Hours",
    "Automated reply: Hours",
    "Out of Office AutoReply: Hours",
    "Out of office: Re: Hours",
    "Auto: Re: Hours",
    "Automatic reply from ann@example.com: Hours",
    "Automatische Antwort: Stunden",
    "Abwesenheitsnotiz: AW: Stunden",
    "Réponse automatique : Heures",
    "Réponse automatique d'absence : Heures",
    "Respuesta automática: Horas",
    "Resposta automàtica: Hores",
    "Risposta automatica: Ore",
    "Automatisch antwoord: Uren",
    "Afwezig: RE: Uren",
    "Resposta automática: Horas",
    "Autosvar: Timer",
    "Automatisk svar: Timer",
    "Automatiskt svar: Timmar",
    "Sjálfvirkt svar: Tímar",
    "Automaattinen vastaus: Tunnit",
    "Automaatvastus: Tunnid",
    "Automātiska atbilde: Stundas",
    "Automatinis atsakymas: Valandos",
    "Automatyczna odpowiedź: Godziny",
    "Odpowiedź automatyczna: Godziny",
    "Automatická odpověď: Hodiny",
    "Автоматический ответ: Часы",
    "Автоответ: Часы",
    "自动回复: 工时",
    "自动回复\uff1a工时",
    "自動回覆: 工時",
    "自動応答: 時間",
    "자동 회신: 시간",
    "Automatikus válasz: Órák",
    "Otomatik Yanıt: Saatler",
    "תשובה אוטומטית: שעות",
    "رد تلقائي: ساعات",
    "Trả lời tự động: Giờ",
    "ตอบกลับอัตโนมัติ: ชั่วโมง",
    "Balasan otomatis: Jam",
]


@pytest.mark.parametrize("subject", AUTO_SUBJECTS)
def test_programs_title_before_the_subject_that_it_answers(subject: str) -> None:
    found = judged(headers(PERSON, subject, "Danke."))
    assert found == (Kind.AUTO_REPLY, (Signal("subject", Automatic.MACHINE),))


SECOND_SIGNS: Final = [
    "In-Reply-To: <CS-000042.0123456789abcdef@bigtmepeo.com>",
    "References: <CS-000042.0123456789abcdef@bigtmepeo.com>",
    "X-Auto-Response-Suppress: All",
    "X-Loop: ann@example.com",
    "Precedence: bulk",
]
TITLES_ALONE: Final = [
    "Automatic Reply",
    "Automatic reply - Hours",
    "Automatic reply: how do I set it up?",
    "Out of office reply",
    "Vacation reply",
    "Automatic reply from ann@example.com",
    "Automatische Antwort",
    "Automatische Empfangsbestätigung",
    "Réponse automatique",
    "Respuesta automática",
    "Risposta automatica",
    "Automatisch antwoord",
    "Autosvar",
    "自动回复",
    "自動応答",
    "自動返信",
]


@pytest.mark.parametrize("subject", TITLES_ALONE)
def test_programs_title_alone_is_no_proof_but_is_not_answered(subject: str) -> None:
    found = judged(headers(PERSON, subject, "Please set one up for me."))
    assert found == (Kind.PERSON, (Signal("subject", Automatic.MACHINE),))


@pytest.mark.parametrize("header", SECOND_SIGNS)
@pytest.mark.parametrize("subject", TITLES_ALONE)
def test_programs_title_with_a_second_sign(subject: str, header: str) -> None:
    kind, signals = judged(headers(PERSON + header, subject, "Danke."))
    assert kind is Kind.AUTO_REPLY
    assert Signal("subject", Automatic.MACHINE) in signals


ABSENCE_NOTICES: Final = [
    (
        "Out of office",
        "I am currently out of the office and will return on Monday. For urgent matters call Bob.",
    ),
    (
        "Out of office",
        "Thank you for your email. I am out of the office until 3 May with limited access to mail.",
    ),
    ("On vacation", "This is an automatic reply. I am away."),
    ("Nicht im Büro", "Vielen Dank für Ihre Nachricht. Ich bin bis zum 3. Mai nicht im Büro."),
    (
        "Abwesend bis Montag",
        "Ich bin abwesend. Ihre Mail wird nicht weitergeleitet. In dringenden Fällen ruft Bob an.",
    ),
    ("Absence du bureau", "Je suis absent jusqu'au 3 mai. Je vous répondrai à mon retour."),
    ("Fuera de la oficina", "Estoy fuera hasta el 3 de mayo. Responderé a mi regreso."),
    ("Fuori sede", "Sono assente fino al 3 maggio. Per urgenze contattare Bob."),
    ("Afwezig", "Ik ben tot 3 mei niet aanwezig. Voor dringende zaken belt u Bob."),
    ("Ausente", "Estou ausente até 3 de maio. Em caso de urgência, contacte Bob."),
    ("Ikke på kontoret", "Jeg er ikke på kontoret. Kontakt Bob hvis det haster."),
    ("Frånvaro", "Jag är på semester. Vid akuta ärenden kontakta Bob."),
    ("Lomalla", "Olen tällä viikolla lomalla. Kiireellisissä asioissa ottakaa yhteyttä."),
    ("Poza biurem", "Jestem nieobecna do 3 maja. W pilnych sprawach proszę o kontakt z Bobem."),
    ("Mimo kancelář", "Jsem do 3. května mimo kancelář. V naléhavých případech volejte Boba."),
    ("Вне офиса", "Меня не будет до 3 мая. По срочным вопросам обращайтесь к Бобу."),
    ("休假", "我目前正在休假，5月3日回来。"),
    ("不在のため", "不在にしております。5月3日に戻ります。"),
]


@pytest.mark.parametrize("header", SECOND_SIGNS)
@pytest.mark.parametrize(("subject", "body"), ABSENCE_NOTICES, ids=[row[1][:40] for row in ABSENCE_NOTICES])
def test_absence_notice_with_a_second_sign(subject: str, body: str, header: str) -> None:
    kind, signals = judged(headers(PERSON + header, subject, body))
    assert kind is Kind.AUTO_REPLY
    assert Signal("subject", Automatic.MACHINE) in signals


@pytest.mark.parametrize(("subject", "body"), ABSENCE_NOTICES, ids=[row[1][:40] for row in ABSENCE_NOTICES])
def test_absence_notice_by_its_wording_alone_keeps_its_case(subject: str, body: str) -> None:
    assert judged(headers(PERSON, subject, body))[0] is Kind.PERSON


NOTICES_BY_WORDING: Final = [
    # subject, text, kind of what is surely a program's or perhaps; neither is answered
    ("Out of Office: Hours", "I am out of the office until Monday and will reply then.", Kind.AUTO_REPLY),
    ("AUTO: Max ist nicht im Büro", "Danke für Ihre Mail. Ich bin nicht im Büro.", Kind.AUTO_REPLY),
    ("Abwesenheitsnotiz: Stunden", "Dies ist eine automatische Antwort.", Kind.AUTO_REPLY),
    ("Out of Office: Hours", "I am away.", Kind.PERSON),
    ("Fuera de la oficina: Horas", "Hasta el 3 de mayo.", Kind.PERSON),
    ("Out of office", "Thank you for your email. I am out of the office until 3 May.", Kind.PERSON),
    ("On vacation", "This is an automatic reply. I am away.", Kind.PERSON),
]


@pytest.mark.parametrize(("subject", "body", "kind"), NOTICES_BY_WORDING)
def test_absence_notice_by_its_wording(subject: str, body: str, kind: Kind) -> None:
    assert judged(headers(PERSON, subject, body)) == (kind, (Signal("subject", Automatic.MACHINE),))


def test_our_own_notice_below_an_answer_is_not_the_sender_s() -> None:
    body = "I am ill.\n\nOn Mon, Nov 23, 2026 at 9:12 AM Payroll <p@example.com> wrote:\n"
    body += "> This is an automatic reply."
    mail = headers(f"{PERSON}In-Reply-To: <a@bigtmepeo.com>", "Absence", body)
    assert judged(mail) == (Kind.PERSON, ())


ORDINARY: Final = [
    # subject and text of mail that a person wrote, though it speaks of machines
    ("Re: Automatic reply: Hours", "Thank you, I will wait."),
    ("AW: Automatische Antwort: Stunden", "Danke, ich warte."),
    ("RE: Out of Office AutoReply: Hours", "Who stands in for you?"),
    ("Fwd: Automatic reply: Hours", "She is away, please see to it."),
    ("Automatic reply does not work", "I wrote to you and got none."),
    ("Autosvar virker ikke", "Jeg fik intet svar."),
    ("Automatic payments: hours", "Can I be paid by transfer?"),
    ("Out of office 24 to 28 November", "I will take these days off, please note them."),
    ("Out of office request", "I would like to take Friday off. Thanks, Ann"),
    ("Vacation", "How many days of vacation do I have left?"),
    ("Urlaub", "Wie viele Tage Urlaub habe ich noch?"),
    ("Maternity leave", "When does my leave begin, and who pays?"),
    ("On leave", "My colleague is on leave. Who signs her slip?"),
    ("Absence", "I was ill on Monday."),
    ("Absence", "Je suis absent lundi, merci de me contacter pour le calcul de ma paie."),
    ("Urlaub", "Ich bin vom 1. bis 5. Dezember im Urlaub. Danach bin ich wieder da. Bitte eintragen."),
    ("On leave", "I am on parental leave from January. Please contact me about my pay."),
    ("Sick leave", "I'm out of office sick; urgent: my pay is missing."),
    ("Out of the office tomorrow", "I am out of the office tomorrow, please call me if my pay is urgent."),
    ("Out of office: 24 to 28 November", "Please note these days."),
    ("Ausente", "Estaré ausente el lunes, contacto: 123. Por favor descuenten el día."),
    ("Frånvaro", "Jag är sjuk idag och är inte på kontoret. Kontakta mig på mobilen."),
    ("Abwesenheitsnotiz", "Anbei meine Abwesenheitsnotiz vom Arzt."),
    ("Message d'absence", "Voici mon message d'absence pour lundi (grippe)."),
    ("Mensaje de ausencia", "Hoy estoy enfermo."),
    ("Fraværsmelding: Ola", "Jeg er syk."),
    ("Abwesenheit: Max Müller", "Ich bin krank."),
    ("Fraværsmelding", "Her er min fraværsmelding."),
    ("Poissaoloilmoitus", "Olen sairas tänään."),
    ("Afwezigheidsmelding", "Ik ben vandaag ziek."),
    ("Oznámení o nepřítomnosti", "Dnes jsem nemocný."),
    ("不在通知", "宅配便の不在通知が入っていました。"),
    ("Automatische Antwort einrichten", "Wie richte ich eine automatische Antwort ein?"),
    ("休暇", "来週の休暇を申請します。"),
    ("Re: Undelivered Mail Returned to Sender", "Why did my mail come back?"),
    ("AW: Unzustellbar: Stunden", "Meine Mail kam zurück."),
    ("Fwd: Undeliverable: Hours", "This came back:\n\nThis is the mail system at host mx.example.org."),
    ("FW: Delivery Status Notification (Failure)", "Please see below."),
    ("Undeliverable", "I get this word when I write to Bob. What is wrong?"),
    ("Mail delivery failed", "It says so whenever I write to benefits@bigtmepeo.com."),
    ("Delivery failure of my slip", "The postman could not deliver it."),
    ("Returned mail", "My letter came back to me, wrong address?"),
    ("Question about my payslip", "I got: This is the mail system at host mx.example.org."),
    ("Hours", "550 5.1.1 user unknown is what I get from your server."),
    ("Report domain names", "Which do we use?"),
    ("Address unknown", "Please change my address, you have the old one."),
]


@pytest.mark.parametrize(("subject", "body"), ORDINARY, ids=[f"{row[0]} {row[1]}"[:60] for row in ORDINARY])
def test_person_who_speaks_of_machines(subject: str, body: str) -> None:
    assert judged(headers(PERSON, subject, body)) == (Kind.PERSON, ())


BOUNCE_SUBJECTS: Final = [
    "Undelivered Mail Returned to Sender",
    "Undeliverable: Hours",
    "Недоставлено: Часы",
    "Delivery Status Notification (Failure)",
    "Delivery Status Notification (Delay)",
    "Mail delivery failed: returning message to sender",
    "Mail delivery failed",
    "failure notice",
    "Returned mail: see transcript for details",
    "Returned mail: User unknown",
    "Delivery failure",
    "Delivery Failure Report",
    "DELIVERY FAILURE: User bob not listed",
    "Mail System Error - Returned Mail",
    "Warning: could not send message for past 4 hours",
    "Nondeliverable mail",
    "Message status - undeliverable",
    "Delivery Notification: Delivery has failed",
    "Permanent Delivery Failure",
    "Undeliverable mail: Hours",
    "Message Delivery Failure",
    "Delivery delayed: Hours",
    "NDN: Hours",
    "Unzustellbar: Stunden",
    "Nicht zustellbar: Stunden",
    "Non remis : Heures",
    "Échec de la remise",
    "No se puede entregar: Horas",
    "Non recapitabile: Ore",
    "Onbestelbaar: Uren",
    "Não é possível entregar: Horas",
    "Kan ikke leveres: Timer",
    "Kunde inte levereras: Timmar",
    "Toimitus epäonnistui: Tunnit",
    "Niedostarczalne: Godziny",
    "Nie można dostarczyć: Godziny",
    "Nedoručitelné: Hodiny",
    "Недоставленное: Часы",
    "NOTICE: mail delivery status.",
    "Mail failure.",
    "Warning: message 1abc-23 delayed 24 hours",
    "[BOUNCE]",
    "配信ステータス通知(失敗)",
    "メッセージを配信できません。",
    "Не удаётся доставить: Часы",
    "无法送达: 工时",
    "退信",
    "無法傳遞: 工時",
    "配信不能: 時間",
]


@pytest.mark.parametrize("subject", BOUNCE_SUBJECTS)
def test_bounce_by_sender_and_subject(subject: str) -> None:
    kind, signals = judged(headers(DAEMON, subject, "See above."))
    assert kind is Kind.BOUNCE
    assert signals == (Signal("From", Automatic.AUTOMATED_SENDER), Signal("subject", Automatic.MACHINE))


@pytest.mark.parametrize("subject", BOUNCE_SUBJECTS)
def test_bounce_by_null_sender_and_subject(subject: str) -> None:
    kind, signals = judged(headers("Return-Path: <>\nFrom: mx@example.org", subject, "See above."))
    assert kind is Kind.BOUNCE
    assert signals == (Signal("Return-Path", Automatic.NULL_SENDER), Signal("subject", Automatic.MACHINE))


@pytest.mark.parametrize("subject", BOUNCE_SUBJECTS)
def test_the_same_subject_from_a_person(subject: str) -> None:
    assert judged(headers(PERSON, subject, "I got this from you. What does it mean?")) == (Kind.PERSON, ())


BOUNCE_TEXTS: Final = [
    "This is the mail system at host mx.example.org.\n\nI'm sorry to have to inform you that",
    "Hi. This is the qmail-send program at example.org.\nI'm afraid I wasn't able to deliver your message",
    "This message was created automatically by mail delivery software.\n\nA message that you sent could not",
    "The original message was received at Tue, 24 Nov 2026 18:00:00 +0100",
    "Your message did not reach some or all of the intended recipients.",
    "Delivery has failed to these recipients or groups:",
    "The following address(es) failed:\n\n  bob@example.net",
    "   ----- The following addresses had permanent fatal errors -----\n<bob@example.net>",
    "Your message wasn't delivered to bob@example.net because the address couldn't be found.",
    "The recipient's mailbox is full.",
    "Ihre Nachricht konnte nicht zugestellt werden.",
    "Votre message n'a pas pu être remis.",
    "No se pudo entregar su mensaje.",
    "Impossibile recapitare il messaggio.",
    "Uw bericht kan niet worden bezorgd.",
    "配信できませんでした。配信できません",
]


@pytest.mark.parametrize("body", BOUNCE_TEXTS, ids=[body[:40] for body in BOUNCE_TEXTS])
def test_bounce_by_sender_and_text(body: str) -> None:
    kind, signals = judged(headers(DAEMON, "Hours", body))
    assert kind is Kind.BOUNCE
    assert signals == (Signal("From", Automatic.AUTOMATED_SENDER), Signal("body", Automatic.MACHINE))


OTHER: Final = [
    (
        "a postmaster who asks is a person",
        headers("From: postmaster@example.com", "Your SPF record", "It is wrong. Could you look?"),
        Kind.PERSON,
        {("From", Automatic.AUTOMATED_SENDER)},
    ),
    (
        "a postmaster who asks why a mail was rejected",
        headers(
            "From: Tom <postmaster@example.com>",
            "Rejected",
            "Our mail could not be delivered, why? 550 5.7.1",
        ),
        Kind.PERSON,
        {("From", AUTOMATED)},
    ),
    (
        "a postmaster who speaks of a mail system",
        headers(
            "From: Tom <postmaster@example.com>",
            "Rejected",
            "This is the mail system at our firm, it is broken.",
        ),
        Kind.PERSON,
        {("From", AUTOMATED)},
    ),
    (
        "a postmaster's text that names whom it did not reach",
        headers("From: postmaster@example.com", "Hours", "was not delivered to:\n\n  ann@example.com\n"),
        Kind.BOUNCE,
        {("From", AUTOMATED), ("body", Automatic.MACHINE)},
    ),
    (
        "Barracuda",
        headers(
            "Return-Path: <>\nFrom: Barracuda <noreply@example.com>",
            "**Message you sent blocked by our bulk email filter**",
            "Your message to: ann@example.com\nwas blocked by our Spam Firewall.",
        ),
        Kind.BOUNCE,
        {("Return-Path", NULL), ("From", AUTOMATED), ("subject", Automatic.MACHINE)},
    ),
    (
        "a person who asks about Barracuda",
        headers(PERSON, "Message you sent blocked", "I got this from your filter. Why?"),
        Kind.PERSON,
        set(),
    ),
    (
        "a postmaster who answers is a person",
        headers(
            "From: postmaster@example.com", "Re: Undeliverable: Hours", "I have opened the mailbox again."
        ),
        Kind.PERSON,
        {("From", Automatic.AUTOMATED_SENDER)},
    ),
    (
        "a mail system by its name alone",
        headers("From: Mail Delivery Subsystem <mds@example.org>", "Undeliverable: Hours", "no such user"),
        Kind.BOUNCE,
        {("subject", Automatic.MACHINE)},
    ),
    (
        "no sender at all, subject and text of a mail system",
        headers(
            "To: payroll@bigtmepeo.com", "Undelivered Mail", "This is the mail system at host mx.example.org."
        ),
        Kind.BOUNCE,
        {("subject", Automatic.MACHINE)},
    ),
    (
        "null sender and text of a mail system",
        headers(
            "Return-Path: <>\nFrom: mx@example.org",
            "Hours",
            "This is the mail system at host mx.example.org.",
        ),
        Kind.BOUNCE,
        {("Return-Path", Automatic.NULL_SENDER), ("body", Automatic.MACHINE)},
    ),
    (
        "a mail system with a null sender, whatever it says",
        headers("Return-Path: <>\nFrom: MAILER-DAEMON@mx.example.org", "Tá do phost ar ais", "Féach thuas."),
        Kind.BOUNCE,
        {("Return-Path", Automatic.NULL_SENDER), ("From", Automatic.AUTOMATED_SENDER)},
    ),
    (
        "a mail system that answers",
        headers("From: MAILER-DAEMON@mx.example.org", "Re: Hours", "Féach thuas."),
        Kind.AUTO_REPLY,
        {("From", Automatic.AUTOMATED_SENDER)},
    ),
    (
        "an absence notice with a null sender",
        headers("Return-Path: <>\nFrom: ann@example.com", "Automatic reply: Hours", "I am away."),
        Kind.AUTO_REPLY,
        {("Return-Path", Automatic.NULL_SENDER), ("subject", Automatic.MACHINE)},
    ),
    (
        "an absence notice in a list",
        headers(PERSON + "List-Id: <l.example.org>\nAuto-Submitted: auto-replied"),
        Kind.AUTO_REPLY,
        {("List-Id", Automatic.LIST), ("Auto-Submitted", Automatic.AUTO_SUBMITTED)},
    ),
    (
        "a vacation program that calls itself bulk",
        headers(PERSON + "Precedence: bulk\nX-Autoreply: yes"),
        Kind.AUTO_REPLY,
        {("Precedence", Automatic.LIST), ("X-Autoreply", Automatic.MACHINE)},
    ),
    (
        "a newsletter made by a machine is a list's",
        headers(PERSON + "List-Unsubscribe: <https://example.org>\nAuto-Submitted: auto-generated"),
        Kind.LIST,
        {("List-Unsubscribe", Automatic.LIST), ("Auto-Submitted", Automatic.AUTO_SUBMITTED)},
    ),
    (
        "a newsletter of a bulk sender",
        headers("From: noreply@example.com\nFeedback-ID: 1:2\nList-Unsubscribe: <https://example.org>"),
        Kind.LIST,
        {
            ("From", Automatic.AUTOMATED_SENDER),
            ("Feedback-ID", Automatic.LIST),
            ("List-Unsubscribe", Automatic.LIST),
        },
    ),
    (
        "our own mail that came back through a list",
        headers("From: payroll@bigtmepeo.com\nList-Id: <l.example.org>\nX-Emailint-Id: CS-000042"),
        Kind.OWN,
        {("From", Automatic.OWN), ("List-Id", Automatic.LIST), ("X-Emailint-Id", Automatic.OWN)},
    ),
    (
        "one of two senders is ours",
        headers("From: ann@example.com, payroll@bigtmepeo.com"),
        Kind.OWN,
        {("From", Automatic.OWN)},
    ),
    (
        "a report about DMARC",
        headers(
            "From: noreply-dmarc@example.com",
            "Report Domain: bigtmepeo.com Submitter: example.com Report-ID: 7",
            "See attached.",
        ),
        Kind.FEEDBACK,
        {("From", Automatic.AUTOMATED_SENDER), ("subject", Automatic.MACHINE)},
    ),
    ("no header at all", "\nHello\n", Kind.PERSON, set()),
    ("nothing", "", Kind.PERSON, set()),
]


@pytest.mark.parametrize(
    ("mail", "kind", "signals"), [row[1:] for row in OTHER], ids=[row[0] for row in OTHER]
)
def test_together(mail: str, kind: Kind, signals: set[tuple[str, Automatic]]) -> None:
    found, said = judged(mail)
    assert found is kind
    assert {(signal.source, signal.reason) for signal in said} == signals
    assert len(said) == len(set(said))


REPORTS: Final = [
    # content type, types of the parts, headers before, kind
    (
        "multipart/report; report-type=delivery-status",
        ["text/plain", "message/delivery-status"],
        DAEMON,
        Kind.BOUNCE,
    ),
    (
        "multipart/report; report-type=Delivery-Status",
        ["text/plain", "message/delivery-status"],
        PERSON,
        Kind.BOUNCE,
    ),
    ("multipart/report", ["text/plain", "message/delivery-status"], PERSON, Kind.BOUNCE),
    ("multipart/report; report-type=delivery-status", ["text/plain"], PERSON, Kind.BOUNCE),
    ("multipart/report; report-type=disposition-notification", ["text/plain"], PERSON, Kind.AUTO_REPLY),
    ("multipart/report", ["text/plain", "message/disposition-notification"], PERSON, Kind.AUTO_REPLY),
    (
        "multipart/report; report-type=feedback-report",
        ["text/plain", "message/feedback-report"],
        PERSON,
        Kind.FEEDBACK,
    ),
    ("multipart/report", ["text/plain", "message/feedback-report"], PERSON, Kind.FEEDBACK),
    (
        "multipart/report; report-type=tlsrpt",
        ["text/plain", "application/tlsrpt+gzip"],
        PERSON,
        Kind.FEEDBACK,
    ),
    ("multipart/report; report-type=unheard-of", ["text/plain"], PERSON, Kind.AUTO_REPLY),
    ("multipart/report", ["text/plain"], PERSON, Kind.AUTO_REPLY),
    ("multipart/mixed", ["text/plain", "message/delivery-status"], PERSON, Kind.BOUNCE),
    ("multipart/mixed", ["text/plain", "message/delivery-status"], DAEMON, Kind.BOUNCE),
    ("multipart/mixed", ["text/plain", "message/global-delivery-status"], PERSON, Kind.BOUNCE),
]


def report(content_type: str, parts: list[str], before: str, subject: str = "Hours") -> str:
    bodies = "".join(f"--b\nContent-Type: {part}\n\nAction: failed\n\n" for part in parts)
    head = f'{before}Subject: {subject}\nMIME-Version: 1.0\nContent-Type: {content_type}; boundary="b"\n'
    return f"{head}\n{bodies}--b--\n"


@pytest.mark.parametrize(("content_type", "parts", "before", "kind"), REPORTS)
def test_report(content_type: str, parts: list[str], before: str, kind: Kind) -> None:
    found, signals = judged(report(content_type, parts, before))
    assert found is kind
    assert Signal("Content-Type", Automatic.REPORT) in signals


def test_person_who_passes_on_the_parts_of_a_bounce() -> None:
    mail = report(
        "multipart/mixed", ["text/plain", "message/delivery-status"], PERSON, "Fwd: Undeliverable: Hours"
    )
    assert judged(mail) == (Kind.PERSON, (Signal("Content-Type", Automatic.REPORT),))


def test_person_who_attaches_a_bounce() -> None:
    inner = report(
        "multipart/report; report-type=delivery-status", ["message/delivery-status"], DAEMON
    ).replace("--b", "--inner")
    mail = (
        f'{PERSON}Subject: What is this?\nContent-Type: multipart/mixed; boundary="outer"\n\n'
        f"--outer\n\nI got the attached.\n--outer\nContent-Type: message/rfc822\n\n{inner}\n--outer--\n"
    )
    assert judged(mail) == (Kind.PERSON, ())


def test_report_inside_of_what_a_list_server_made_of_it() -> None:
    inner = report("multipart/report; report-type=delivery-status", ["message/delivery-status"], "")
    inner = inner.replace("--b", "--inner").replace('"b"', '"inner"')
    mail = (
        f'{DAEMON}Subject: Hours\nContent-Type: multipart/mixed; boundary="outer"\n\n'
        f"--outer\n{inner}\n--outer\n\nfooter\n--outer--\n"
    )
    kind, signals = judged(mail)
    assert kind is Kind.BOUNCE
    assert Signal("Content-Type", Automatic.REPORT) in signals


@pytest.mark.parametrize(
    "piece",
    [
        "out of office ",
        "i am on leave ",
        "undeliverable ",
        "abwesend ",
        "(",
        "re: ",
        "[x] ",
        "following address ",
    ],
)
def test_hostile_text_takes_little_time(piece: str) -> None:
    mail = headers("Return-Path: <>\n" + DAEMON, piece * 20_000, piece * 50_000)
    assert_within(0.5, lambda: judged(mail))
