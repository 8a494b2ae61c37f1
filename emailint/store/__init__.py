"""The local store: ledger, JSON lines, attachments, quarantine, lock.

Take the lock first (`RunLock`), then `open_store`. The order of effects is the sweep's.
"""

from emailint.store.folder import Store, open_store
from emailint.store.lock import Holder, LockState, RunLock, StoreHeld, read_lock
from emailint.store.projection import ProjectionReport

__all__ = [
    "Holder",
    "LockState",
    "ProjectionReport",
    "RunLock",
    "Store",
    "StoreHeld",
    "open_store",
    "read_lock",
]
