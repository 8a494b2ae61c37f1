"""Ways a reply leaves: SMTP, sendmail, a folder."""
