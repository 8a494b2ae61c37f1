"""One sweep over all mailboxes."""
