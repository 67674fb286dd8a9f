"""What crews' terminals send: positions and progress, to records."""

import msgspec

from ingest import messages
from ingest.instants import instant
from ingest.items import check_json, check_place, check_texts, read
from ingest.records import Decoded, Position, Progress, Refused
from ingest.refusals import Refusal

_POSITION = msgspec.json.Decoder(messages.Position)
_PROGRESS = msgspec.json.Decoder(messages.Progress)


def positions(payload: bytes) -> Decoded[Position]:
    """The position in a payload."""
    try:
        item = read(_POSITION.decode, payload)
        check_place(item.lon, item.lat)
        record = Position(
            instant(item.ts), item.lon, item.lat, item.speed_kmh, item.water_l, item.state
        )
    except Refusal as refused:
        return Decoded("json", refused=[Refused(refused.reason, refused.detail)])
    return Decoded("json", [record], [None])


def progress(payload: bytes) -> Decoded[Progress]:
    """The progress in a payload; `refused` and `failed` say why."""
    try:
        item = read(_PROGRESS.decode, payload)
        check_texts(item, "reason")
        if item.event in ("refused", "failed") and not (item.reason or "").strip():
            raise Refusal("missing", f"`{item.event}` needs a `reason`: say why")
        record = Progress(
            instant(item.ts),
            item.order,
            item.event,
            item.reason,
            check_json(item, "photos"),
            item.water_l,
        )
    except Refusal as refused:
        return Decoded("json", refused=[Refused(refused.reason, refused.detail)])
    return Decoded("json", [record], [None])
