"""The sandbox: what a template may do, what a value may not, and what an error says."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from emailint.errors import TemplateError
from emailint.reply.language import phrases
from emailint.templating import Templates, render_field, sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

VALUES: dict[str, Any] = {
    "message": {"subject": "Wrong hours", "text": "<b>", "items": "an entry, not a method"},
    "workspace": 1201,
    "names": ["a", "b"],
}

ATTACKS = (
    "{{ 7 * 7 }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{% for x in [] %}{% endfor %}",
    "{# comment #}",
    "{{ self.__init__ }}",
    "{% include '/etc/passwd' %}",
    "${7*7} #{7*7} <%= 7*7 %> {7*7}",
    "}} {{",
)

BUILT_IN = ("case-confirm", "case-confirm-expected-time", "follow-up-received")
WORDED = {"language": "en", "direction": "ltr", "due": "", "phrases": phrases("en", case_id="CS-1", due="")}


@pytest.fixture
def owned(tmp_path: Path) -> Callable[..., Templates]:
    """Templates of an owner's folder: name → source."""

    def make(**sources: str) -> Templates:
        for name, source in sources.items():
            (tmp_path / f"{name.replace('_', '-')}.j2").write_text(source, encoding="utf-8")
        return Templates(tmp_path)

    return make


@pytest.mark.parametrize(
    ("template", "result"),
    [
        ("Payroll", "Payroll"),
        ("", ""),
        ("{ not a template }", "{ not a template }"),
        ("{{ workspace }}", "1201"),
        ("URGENT {{ message.subject }}", "URGENT Wrong hours"),
        ("{{ message['subject'] | upper }}", "WRONG HOURS"),
        ("{% if workspace == 1201 %}North{% else %}South{% endif %}", "North"),
        ("{{ names | join(', ') }}", "a, b"),
        ("{{ message.items }}", "an entry, not a method"),
        ("{{ message.text }}", "<b>"),
        ("a{# nothing #}b", "ab"),
        ("{{ 'x' ~ 2 * 3 }}", "x6"),
    ],
)
def test_field(template: str, result: str) -> None:
    assert render_field(template, VALUES) == result


@pytest.mark.parametrize("attack", ATTACKS)
def test_what_strangers_write_is_never_template_source(attack: str, owned: Callable[..., Templates]) -> None:
    values = {"message": {"subject": attack}}
    assert render_field("{{ message.subject }}", values) == attack
    templates = owned(echo="{% block text %}{{ message.subject }}{% endblock %}")
    assert templates.render_block("echo", "text", values) == attack


@pytest.mark.parametrize(
    "template",
    [
        "{{ message.__class__ }}",
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ message['__class__'] }}",
        "{{ message | attr('__class__') }}",
        "{{ '{0.__class__}'.format(message) }}",
        "{{ ('{0.__class__}'.format | attr('__call__'))(message) }}",
        "{{ names.append('c') }}",
        "{{ message.update({'subject': 'x'}) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum() }}",
        "{{ joiner.__init__ }}",
        "{% include 'case-confirm' %}",
        "{% import 'case-confirm' as x %}",
    ],
)
def test_a_field_leads_nowhere(template: str) -> None:
    with pytest.raises(TemplateError):
        render_field(template, VALUES)
    assert VALUES["names"] == ["a", "b"]
    assert VALUES["message"]["subject"] == "Wrong hours"


@pytest.mark.parametrize(
    ("template", "says"),
    [
        ("{{ nope }}", "field template:1: 'nope' is undefined"),
        (
            "\n{{ message.subjct }}",
            "field template:2: 'subjct' is not there; there are: items, subject, text",
        ),
        ("{{ message.subject", "field template:1: "),
        ("{% if %}", "field template:1: "),
        ("{{ 1 // 0 }}", "field template:1: "),
        ("{{ 'a' + 1 }}", "field template:1: "),
        ("{{ message.subject | nofilter }}", "No filter named 'nofilter'"),
        ("{{ 'x' * 1000000000 }}", "numbers of a moderate size"),
        ("{{ 10 ** 1000000000 }}", "numbers of a moderate size"),
        ("{% for i in range(1000000000) %}{% endfor %}", "Range too big"),
        ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "recursion"),
    ],
)
def test_a_wrong_field_says_where_and_what(template: str, says: str) -> None:
    with pytest.raises(TemplateError) as caught:
        render_field(template, VALUES)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_name_is_answered_with_those_there_are() -> None:
    with pytest.raises(TemplateError) as caught:
        render_field("{{ mesage.subject }}", VALUES)
    assert caught.value.hint == "variables are: message, names, workspace"


@pytest.mark.parametrize(
    "template",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}{{ '' }}{% endfor %}{% endfor %}",
    ],
)
def test_time_is_bounded(template: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "SECONDS", 0.05)
    with pytest.raises(TemplateError, match="takes more than"):
        render_field(template, VALUES)
    assert render_field("{{ workspace }}", VALUES) == "1201"


def test_output_is_bounded() -> None:
    with pytest.raises(TemplateError, match="more than 1000000 characters"):
        render_field("{% for i in range(99999) %}{{ message.subject }}........{% endfor %}", VALUES)


@pytest.mark.parametrize("value", [datetime(2026, 1, 1, tzinfo=UTC), object(), Path("/"), b"octets", {1, 2}])
def test_only_plain_values_go_in(value: object) -> None:
    with pytest.raises(TypeError, match="cannot be a template variable"):
        render_field("{{ value }}", {"value": value})
    with pytest.raises(TypeError, match="cannot be a template variable"):
        render_field("{{ value }}", {"value": {"deep": [value]}})


def test_a_text_with_powers_of_its_own_becomes_plain() -> None:
    class Loud(str):
        __slots__ = ()

        def __html__(self) -> str:
            return "<script>"

    assert type(sandbox.freeze({"x": Loud("y")})["x"]) is str


BLOCKS = "".join(f"{{% block {name} %}}{{{{ x }}}}{{% endblock %}}" for name in ("subject", "text", "html"))


def test_only_html_is_escaped(owned: Callable[..., Templates]) -> None:
    templates, values = owned(three=BLOCKS), {"x": "<img src=x onerror=\"a('b')\"> &"}
    assert templates.render_block("three", "subject", values) == values["x"]
    assert templates.render_block("three", "text", values) == values["x"]
    html = templates.render_block("three", "html", values, html=True)
    assert html == "&lt;img src=x onerror=&#34;a(&#39;b&#39;)&#34;&gt; &amp;"


def test_macros_and_shared_blocks_are_escaped_in_html_alone(owned: Callable[..., Templates]) -> None:
    templates = owned(
        parts="{% macro loud(x) %}<b>{{ x }}</b>{% endmacro %}",
        base="{% from 'parts' import loud %}{% block words %}{{ x }}{% endblock %}"
        "{% block text %}{{ self.words() }}{% endblock %}"
        "{% block html %}{{ loud(self.words()) }}{{ loud(x) }}{% endblock %}",
    )
    assert templates.render_block("base", "text", {"x": "<i>"}) == "<i>"
    assert templates.render_block("base", "html", {"x": "<i>"}, html=True) == "<b>&lt;i&gt;</b>" * 2


def test_own_templates_extend_built_in_ones(owned: Callable[..., Templates]) -> None:
    templates = owned(
        our_confirm='{% extends "case-confirm" %}{% set who = "A&B" %}'
        "{% block words %}Thanks, says {{ who }} for {{ case.case_id }}.{% endblock %}"
    )
    values = {
        "case": {"case_id": "CS-000001"},
        "message": {"subject": "Hi"},
        "alias": "a@example.org",
        "marker": "=== above ===",
        **WORDED,
    }
    assert templates.render_block("our-confirm", "subject", values) == "[CS-000001] Hi"
    assert "\nThanks, says A&B for CS-000001.\n" in templates.render_block("our-confirm", "text", values)
    html = templates.render_block("our-confirm", "html", values, html=True)
    assert ">Thanks, says A&amp;B for CS-000001.</p>" in html


def test_an_own_template_may_stand_in_for_the_built_in_one_and_extend_it(
    owned: Callable[..., Templates],
) -> None:
    templates = owned(
        case_confirm='{% extends "case-confirm" %}{% block subject %}{{ super() }}!{% endblock %}',
        other='{% extends "case-confirm" %}',
        plain='{% extends "builtin/case-confirm" %}',
    )
    values = {"case": {"case_id": "CS-1"}, "message": {"subject": "Hi"}, "alias": "", "marker": "", **WORDED}
    assert templates.render_block("case-confirm", "subject", values) == "[CS-1] Hi!"
    assert templates.render_block("other", "subject", values) == "[CS-1] Hi!"
    assert templates.render_block("plain", "subject", values) == "[CS-1] Hi"


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "..",
        ".",
        "",
        "/etc/passwd",
        "sub/x",
        "x\0",
        "a b",
        "x.j2\n",
        "-x",
        "builtin/../secret",
        "ä",
    ],
)
def test_names_never_leave_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / "secret.j2").write_text("{% block text %}secret{% endblock %}")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "x.j2").write_text("{% block text %}secret{% endblock %}")
    for folder in (tmp_path, tmp_path / "sub"):
        with pytest.raises(TemplateError, match="there is no template"):
            Templates(folder).render_block(name, "text", {})


def test_an_unknown_name_is_answered_with_the_nearest(owned: Callable[..., Templates]) -> None:
    with pytest.raises(TemplateError) as caught:
        owned().render_block("case-confrim", "text", {})
    assert caught.value.hint == "did you mean case-confirm?"


def test_an_unknown_name_is_answered_with_those_that_can_be_rendered(tmp_path: Path) -> None:
    for name in ("_frame", "confirm"):
        (tmp_path / f"{name}.j2").write_text("{% block text %}{% endblock %}")
    with pytest.raises(TemplateError) as caught:
        Templates(tmp_path).render_block("zzz", "text", {})
    assert caught.value.hint == (
        "there are: case-confirm, case-confirm-expected-time, confirm, follow-up-received"
    )


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("\n\n{% block text %}{{ nope }}{% endblock %}", 3),
        ("{% block text %}\n{{ case.nope }}\n{% endblock %}", 2),
        ("\n{% block text %}{% if %}{% endblock %}", 2),
        ("\n\n\n{% extends 'nowhere' %}", 4),
        ("{% block text %}\n\n{% include 'nowhere' %}{% endblock %}", 3),
        ("{% block text %}\n{{ '' * 3 }}{% endblock %}", 2),
    ],
)
def test_errors_name_file_and_line(
    source: str, line: int, owned: Callable[..., Templates], tmp_path: Path
) -> None:
    with pytest.raises(TemplateError) as caught:
        owned(wrong=source).render_block("wrong", "text", {"case": {}})
    assert str(caught.value).startswith(f"{tmp_path / 'wrong.j2'}:{line}: ")


def test_an_error_in_a_parent_names_the_parent(owned: Callable[..., Templates], tmp_path: Path) -> None:
    templates = owned(child='{% extends "parent" %}', parent="\n{% block text %}{{ nope }}{% endblock %}")
    with pytest.raises(TemplateError) as caught:
        templates.render_block("child", "text", {})
    assert str(caught.value).startswith(f"{tmp_path / 'parent.j2'}:2: ")


def test_a_missing_block_is_an_error(owned: Callable[..., Templates], tmp_path: Path) -> None:
    with pytest.raises(TemplateError) as caught:
        owned(wrong="{% block text %}x{% endblock %}").render_block("wrong", "html", {})
    assert str(caught.value) == f"{tmp_path / 'wrong.j2'}: the block 'html' is missing"


@pytest.mark.parametrize(
    ("octets", "says"),
    [(b"\n\xff", "x.j2:2: the template is not UTF-8"), (b"x" * 1_000_001, "is larger than")],
)
def test_unreadable_files(octets: bytes, says: str, tmp_path: Path) -> None:
    (tmp_path / "x.j2").write_bytes(octets)
    with pytest.raises(TemplateError, match=says):
        Templates(tmp_path).render_block("x", "text", {})


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "x.j2").write_bytes(b"\xef\xbb\xbf{% block text %}x{% endblock %}")
    assert Templates(tmp_path).render_block("x", "text", {}) == "x"


def test_names_are_of_both_folders_without_the_parts(owned: Callable[..., Templates]) -> None:
    assert owned(our_own="").names() == (*BUILT_IN, "our-own")
    assert Templates(None).names() == BUILT_IN
    assert Templates(Path("/does/not/exist")).names() == BUILT_IN


def test_threads_share_templates(owned: Callable[..., Templates]) -> None:
    templates = owned(echo="{% block text %}{{ x }}{% for i in range(50) %}{{ x }}{% endfor %}{% endblock %}")
    wrong: list[str] = []

    def render(text: str) -> None:
        made = (templates.render_block("echo", "text", {"x": text}) for _ in range(50))
        wrong.extend(each for each in made if each != text * 51)

    threads = [threading.Thread(target=render, args=(str(number),)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_jinja2_is_imported_only_when_something_is_rendered() -> None:
    program = """
import json, sys
from emailint.templating import Templates, render_field
import emailint.reply.policy, emailint.reply.compose, emailint.reply.render
templates = Templates(None)
assert render_field("plain { text }", {}) == "plain { text }"
assert templates.names()
idle = sorted(set(sys.modules) & {"jinja2", "email.policy", "smtplib", "pydantic", "requests"})
render_field("{{ x }}", {"x": "y"})
print(json.dumps([idle, "jinja2" in sys.modules]))
"""
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert json.loads(result.stdout) == [[], True]
