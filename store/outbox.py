"""Messages to the broker, written in the transaction of the result they tell of."""

from collections.abc import Iterable

from store.database import Connection
from store.statements import statements

Message = tuple[str, bytes, bool]
"""Topic without the prefix, payload, retain."""


def post(conn: Connection, messages: Iterable[Message]) -> None:
    """Add `messages` to the outbox, in order; they leave once the caller has committed."""
    rows = list(messages)
    if rows:
        topics, payloads, retains = zip(*rows, strict=True)
        conn.execute(
            statements("outbox").post,
            {"topics": list(topics), "payloads": list(payloads), "retains": list(retains)},
        )
