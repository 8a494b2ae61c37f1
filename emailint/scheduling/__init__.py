"""How sweeps are started each minute: a line of the crontab, or a service and a timer of systemd.

Texts are pure functions of a `Job`; `crontab.py` and `systemd.py` run the programs `crontab` and `systemctl`.
"""
