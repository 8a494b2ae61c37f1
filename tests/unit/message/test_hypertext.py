from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emailint.message.hypertext import clean, to_text
from emailint.message.markup import visible


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("", ""),
        ("Hello", "Hello"),
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<div>One</div><div>Two</div>", "One\nTwo"),
        ("<div>One<div>Two</div>Three</div>", "One\nTwo\nThree"),
        ("<div>One</div><div><br></div><div>Two</div>", "One\n\nTwo"),
        ("<div>One</div><div>&nbsp;</div><div>Two</div>", "One\n\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("One<br><br><br><br>Two", "One\n\nTwo"),
        ("<p style='margin:0'>One</p><p style='margin:0'>Two</p>", "One\nTwo"),
        ("<p style='margin:0in 0in 0pt'>One</p><p class=MsoPlainText>Two</p>", "One\nTwo"),
        ("<p style='margin:0 0 10px'>One</p><p style='margin:0.5em'>Two</p>", "One\n\nTwo"),
        ("<b>o</b>n<i>e</i> <u>word</u>", "one word"),
        ("a &lt;b&gt; &amp; c &#8364; &eacute;", "a <b> & c € é"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<a href='https://example.com/'>https://example.com</a>", "https://example.com/"),
        ("<a href='https://example.com/x'>see here</a>", "[see here](https://example.com/x)"),
        ("<a href='https://example.com/x'><img src='cid:1'></a>", "https://example.com/x"),
        ("<a href='mailto:ann@example.com?subject=x'>ann@example.com</a>", "ann@example.com"),
        ("<a href='javascript:alert(1)'>press</a>", "press"),
        ("<a href='#top'>up</a> <a name=x>anchor</a>", "up anchor"),
        ("<ul><li>one</li><li>two<ul><li>three</li></ul></li></ul>", "* one\n  * two\n      * three"),
        ("<ol><li>one<li>two</ol>", "1. one\n 2. two"),
        ("<pre>a\n  b\n</pre>", "a\n  b"),
        ("<h1>Title</h1>Text", "Title\n\nText"),
        ("<table><tr><th>a</th><th>b</th></tr><tr><td>1</td><td>2</td></tr></table>", "a  b\n1  2"),
        ("<table><tr><td>only one column</td></tr><tr><td>below</td></tr></table>", "only one column\nbelow"),
        ("<table><tr><td>" + "long " * 40 + "</td><td>b</td></tr><tr><td>1</td><td>2</td></tr></table>",
         ("long " * 40).strip() + "\nb\n1\n2"),
        ("<blockquote>one<br>two</blockquote>three", "> one\n> two\nthree"),
        ("<blockquote>one<blockquote>two</blockquote></blockquote>three", "> one\n>> two\nthree"),
        ("<script>x()</script><style>p{}</style><title>t</title>Hello<!-- c -->", "Hello"),
        ("<![if !mso]>Hello<![endif]><!--[if mso]>Word<![endif]-->", "Hello"),
        ("<p>open <b>never closed", "open never closed"),
        ("</div></p>Hello</b>", "Hello"),
        ("<p title='a > b'>Hello</p>", "Hello"),
        ("text with \ue000 private \ue003 marks", "text with private marks"),
        ("<div>&zwnj;&nbsp;&#847;&zwnj;</div>Hello", "Hello"),
    ],
)  # fmt: skip
def test_text_of_html(html: str, text: str) -> None:
    assert re.sub(r"  +(?=private|marks)", " ", to_text(html)).strip() == text


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>a</p><p style='display:none'>b</p><p>c</p>", "<p>a</p><p>c</p>"),
        ("<DIV STYLE='DISPLAY: NONE'>b</DIV>c", "c"),
        ("a<span style='visibility : hidden'>b<span>c</span>d</span>e", "ae"),
        ("a<div style='max-height:0;overflow:hidden'>b</div>", "a"),
        ("a<div style='max-height:0'>b</div>", "a<div style='max-height:0'>b</div>"),
        (
            "a<div style='opacity:0'>b</div><div style='opacity:0.9'>c</div>",
            "a<div style='opacity:0.9'>c</div>",
        ),
        ("a<p hidden>b</p>", "a"),
        ("a<p class=hidden>b</p>", "a<p class=hidden>b</p>"),
        ("a<div style='mso-hide:all'>b</div>", "a<div style='mso-hide:all'>b</div>"),
        ("a<br style='display:none'>b", "a<br style='display:none'>b"),
        ("a<div style='display:none'>never closed", "a<div style='display:none'>never closed"),
        ("<div style='display:none'>all there is</div>", "<div style='display:none'>all there is</div>"),
        ("<body style='display:none'>a</body>b", "<body style='display:none'>a</body>b"),
    ],
)
def test_what_hides_itself_is_left_out(html: str, left: str) -> None:
    assert visible(html) == left


DANGEROUS = re.compile(
    r"<script|<style|<form|<input|<iframe|<object|<embed|<link|<meta|<base|<svg|<math|javascript:|vbscript:"
    r"|\son[a-z]+\s*=|<img[^>]+src=.(?!cid:|data:image/)|display\s*:|position\s*:|font-size|expression\(|url\(",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<img src='https://tracker.example/pixel.gif'>",
        "<img srcset='https://tracker.example/pixel.gif 1x'>",
        "<a href='javascript:alert(1)'>x</a>",
        "<a href=' java\nscript:alert(1)'>x</a>",
        "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
        "<form action='https://evil.example'><input name=password></form>",
        "<p style='display:none;font-size:0;position:fixed;background:url(https://tracker.example)'>x</p>",
        "<svg><script>alert(1)</script></svg>",
        "<math><mi xlink:href='javascript:alert(1)'>x</mi></math>",
        "<base href='https://evil.example/'><link rel=stylesheet href=x><meta http-equiv=refresh content=0>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<p title='\"><script>alert(1)</script>'>x</p>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'></noscript>",
        "<img src='data:image/svg+xml;base64,AAAA'>",
        "<table background='https://tracker.example/x.gif'><tr><td>x</td></tr></table>",
    ],
)
def test_nothing_dangerous_is_left(html: str) -> None:
    safe = clean(html)
    assert safe is not None
    assert DANGEROUS.search(safe) is None, safe


def test_what_shows_the_mail_is_left() -> None:
    html = (
        '<p style="text-align:center;color:red">a <b>b</b> <a href="https://example.com/">c</a>'
        '<img src="cid:logo@x" alt="Logo" width="10"><img src="data:image/png;base64,AAAA"></p>'
        '<table border="1"><tr><td colspan="2">d</td></tr></table>'
    )
    safe = clean(html) or ""
    for kept in (
        "text-align:center",
        "<b>b</b>",
        'href="https://example.com/"',
        'src="cid:logo@x"',
        "colspan",
        "png",
    ):
        assert kept in safe


@pytest.mark.parametrize("html", ["<div>" * 2_000, "<b>" * 900 + "<p>x" * 5_000])
def test_what_would_explode_is_not_cleaned(html: str) -> None:
    assert clean(html) is None


@given(
    st.lists(
        st.one_of(
            st.text(max_size=10),
            st.sampled_from(
                [
                    *(
                        "<p>",
                        "</p>",
                        "<div style='display:none'>",
                        "</div>",
                        "<script>",
                        "</script>",
                        "<img src=",
                    ),
                    *("'", '"', ">", "<", "<!--", "-->", "<a href='javascript:x'>", "onclick=x", "<svg>"),
                    *("<table>", "<td>", "&#", ";"),
                ]
            ),
        ),
        max_size=25,
    )
)
def test_any_markup_is_safe_and_has_text(pieces: list[str]) -> None:
    html = "".join(pieces)
    safe = clean(visible(html))
    assert safe is not None
    assert re.search(r"<(?:script|form|iframe|svg|style)\b", safe) is None
    assert not [
        tag for tag in re.findall(r"<[a-z][^>]*>", safe) if re.search(r"\son[a-z]+=|javascript:", tag)
    ]
    to_text(html).encode()
