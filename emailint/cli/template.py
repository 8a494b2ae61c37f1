"""`emailint render-template`: the reply as its reader will see it."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import click

from emailint.cli.previews import preview_of
from emailint.cli.settings import Settings, pass_settings
from emailint.errors import UsageError
from emailint.message.hypertext import to_text
from emailint.terminal import terminal_safe

if TYPE_CHECKING:
    from emailint.cli.previews import Preview
    from emailint.reply.render import Rendered

Part = Literal["subject", "text", "html"]


@click.command("render-template")
@click.argument("name", metavar="TEMPLATE")
@click.option(
    "--message", type=click.File("rb"), metavar="FILE", help="Answer this mail (an .eml file, or -)."
)
@click.option(
    "--part", type=click.Choice(["subject", "text", "html"]), help="Print this part alone, as it is."
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write it: .html, .txt, or .eml for the whole mail.",
)
@click.option("--force", is_flag=True, help="Let --output replace a file that is there.")
@click.option("--browser", is_flag=True, help="Open the HTML in a browser.")
@click.option("--alias", metavar="ADDRESS", help="Whose settings serve, where no --message says so.")
@click.option("--language", metavar="LANG", help="The language of the reply, such as de; else as configured.")
@pass_settings
def render_template(  # noqa: PLR0913 - one an option, by name
    settings: Settings,
    *,
    name: str,
    message: IO[bytes] | None,
    part: Part | None,
    output: Path | None,
    force: bool,
    browser: bool,
    alias: str | None,
    language: str | None,
) -> None:
    """Show a reply as its reader will.

    TEMPLATE is a name: case-confirm, or a file of your own in the folder that `templates:` names.
    Without --message it answers a sample case. Headers are shown as the reply will have them, but for date
    and id, then the text, then the HTML: on a terminal as it reads, elsewhere as it is written. HTML that is
    broken, or that not every mail program shows, is an error. Nothing is sent and nothing is stored.
    """
    raw = message.read() if message else None
    preview = preview_of(settings.load_if_any(), name, raw, alias=alias, language=language)
    if output:
        _write(output, _content(preview, output.suffix), force=force)
    if browser:
        _open(preview.parts())
    if not (output or browser):
        _print(preview, part)


def _print(preview: Preview, part: Part | None) -> None:
    reply = preview.parts()
    if part:
        text = getattr(reply, part)
        click.echo(terminal_safe(text, lines=True) if sys.stdout.isatty() else text, nl=part == "subject")
        return
    for name, value in preview.headers():
        click.echo(f"{name}: {terminal_safe(value)}")
    click.echo(f"\n{terminal_safe(reply.text, lines=True)}")
    click.echo("HTML:\n" if reply.html else "No HTML: this reply is text alone.")
    shown = to_text(reply.html) + "\n" if reply.html and sys.stdout.isatty() else reply.html
    click.echo(terminal_safe(shown, lines=True), nl=False)


def _write(output: Path, content: bytes, *, force: bool) -> None:
    """Into a new file; one that is there is replaced only when that was said, and that is told."""
    there = output.exists()
    if there and not force:
        raise UsageError(f"{output} is there already, and was left as it is", hint="--force replaces it")
    output.write_bytes(content)
    click.echo(f"{'replaced' if there else 'wrote'} {output}", err=True)


def _content(preview: Preview, suffix: str) -> bytes:
    """What a file of this ending holds."""
    match suffix:
        case ".eml":
            return preview.mail()
        case ".html":
            return preview.parts().html.encode()
        case ".txt":
            return preview.parts().text.encode()
        case _:
            raise UsageError(f"a file ending in {suffix!r} cannot be written", hint="use .html, .txt or .eml")


def _open(reply: Rendered) -> None:
    """Leave the HTML in a private file and hand it to the browser; where there is none, say where it is."""
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", prefix="emailint-", suffix=".html", delete=False
    ) as file:
        file.write(reply.html)
    opened = webbrowser.open(Path(file.name).as_uri())
    click.echo(f"{'opened' if opened else 'no browser was found; open'} {file.name}", err=True)
    if sys.stdin.isatty():
        try:
            click.prompt(
                "Enter when you have seen it; the file is then removed", "", show_default=False, err=True
            )
        finally:
            Path(file.name).unlink(missing_ok=True)
