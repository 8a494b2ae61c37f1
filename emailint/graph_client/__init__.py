"""Microsoft Graph over HTTPS, as the source and the outbound share it."""
