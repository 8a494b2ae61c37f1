"""Mailboxes that are swept: IMAP, Maildir."""
