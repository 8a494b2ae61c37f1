"""The local store: ledger, JSON lines, attachments, quarantine, lock."""
