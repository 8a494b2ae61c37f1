"""One batch of mail that comes to every end a sweep has, and the aliases that lead it there."""

from __future__ import annotations

from tests.support.memory import letter

ALIASES = """
    aliases:
      - {address: payroll@example.org, default: true}
      - {address: quiet@example.org, automatic: ignore}
      - {address: vip@example.org, unknown_sender: hold}
"""
ATTACHED = 'Content-Type: multipart/mixed; boundary="where-parts-end"\nMIME-Version: 1.0\n'
PARTS = (
    "--where-parts-end\nContent-Type: text/plain\n\nSee the slip.\n"
    '--where-parts-end\nContent-Type: application/pdf\nContent-Disposition: attachment; filename="slip.pdf"\n'
    "Content-Transfer-Encoding: base64\n\nJVBERi0xLjQKJSVFT0YK\n--where-parts-end--"
)
MAILS = (
    letter(1),
    letter(2, sender="bob@example.com"),
    letter(3, headers=ATTACHED, body=PARTS, sender="cem@example.com"),
    letter(1),  # a twin of the first
    letter(4, headers="Auto-Submitted: auto-replied\n"),
    letter(5, to="quiet@example.org", headers="Auto-Submitted: auto-generated\n"),
    letter(6, to="vip@example.org", sender="eve@example.net", headers=ATTACHED, body=PARTS),
)
"""Two answered cases, one with a file, a copy of a known mail, an automatic case, one ignored, one held."""
