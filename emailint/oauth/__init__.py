"""Sign-in without passwords: access tokens for mailboxes, and how they are shown to servers."""
