"""Keyset paging: the cursor is the time and id of the last item, so a page never shifts."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any

from console.models import ID_PATTERN
from console.problems import Refusal

SEPARATOR = "~"


def cursor(after: str | None) -> dict[str, Any]:
    """`after_at` and `after_id` for a page statement. Raises Refusal for a cursor not ours."""
    if after is None:
        return {"after_at": None, "after_id": None}
    at, _, id_ = after.partition(SEPARATOR)
    try:
        time = datetime.fromisoformat(at)
    except ValueError:
        time = None
    if time is None or time.utcoffset() != timedelta(0) or not re.match(ID_PATTERN, id_):
        raise Refusal(
            HTTPStatus.UNPROCESSABLE_ENTITY, "`after` is not the `next` of an earlier page."
        )
    return {"after_at": time, "after_id": id_}


def page(
    items: Sequence[Mapping[str, Any]], limit: int, time_key: str, id_key: str
) -> dict[str, Any]:
    """The first `limit` of `items` (asked for one more than that) and the cursor of the next."""
    shown = items[:limit]
    more = len(items) > limit
    return {
        "items": shown,
        "next": f"{shown[-1][time_key].isoformat()}{SEPARATOR}{shown[-1][id_key]}"
        if more
        else None,
    }
