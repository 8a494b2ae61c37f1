#!/bin/sh
# Sweeps a fresh copy of examples/maildir as integrations.yaml says; `make demo` runs it. $1 is the emailint command.
set -eu
emailint=$1
cd "$(dirname "$0")/.."

stop() {
    printf 'make demo: %s\n' "$1" >&2
    exit 1
}

# The demo empties data/ and marks mail read, which nobody wants for a mailbox of theirs.
if grep -Eq '^[ -]*(host|provider|protocol: *(imap|graph))\b' integrations.yaml; then
    stop 'integrations.yaml names a real mailbox now; sweep it with .venv/bin/emailint process'
fi
if [ -e data ] && [ ! -e data/.demo ]; then
    stop 'data/ was not made by the demo and would be emptied; move it away first'
fi

rm -rf data
mkdir -p data/maildir/cur data/maildir/new data/maildir/tmp
touch data/.demo
cp examples/maildir/new/* data/maildir/new/

if [ -t 1 ]; then
    "$emailint" process
else
    "$emailint" process --plain
fi

printf '\nWhich client each case belongs to, and the rule that said so:\n\n'
"$emailint" list-cases

cat <<END

The mail was in   data/maildir/    (now read; examples/maildir/ keeps the originals)
Clients are in    examples/directory.csv
Cases are in      data/cases.jsonl ($(wc -l <data/cases.jsonl) lines)
Replies are in    data/outbox/     ($(find data/outbox -type f | wc -l) files)

Go on with        $emailint explain examples/maildir/new/*.M19.two-firms
                  $emailint render-template case-confirm
                  $emailint --help
Then edit integrations.yaml into your own.
END
