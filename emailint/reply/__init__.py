"""Whether a mail is answered, and with what: policy, templates, composing. Nothing is sent from here."""
