"""One of each: who leads holds an advisory lock of the database while its session lasts."""

from store.database import Connection
from store.statements import statements


class Leadership:
    """The lead in one thing, such as "analytics", as far as this process has it."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._on: Connection | None = None

    def held(self, conn: Connection) -> bool:
        """Whether it was taken on this connection, which is still open."""
        return self._on is conn and not conn.closed

    def take(self, conn: Connection) -> bool:
        """Try to take it, unless it is held; commits. Another may take it once `conn` ends."""
        if not self.held(conn):
            row = conn.execute(statements("leadership").take, {"what": self._what}).fetchone()
            conn.commit()
            self._on = conn if row and row[0] else None
        return self._on is conn
