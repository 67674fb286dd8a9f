"""A resident's complaint, to a record."""

import msgspec

from ingest import messages
from ingest.instants import instant
from ingest.items import check_place, check_texts, identity, read
from ingest.records import Decoded, Refused, Report
from ingest.refusals import Refusal
from ingest.registry import Registry

_REPORT = msgspec.json.Decoder(messages.Report)


def reports(payload: bytes, channel: str, registry: Registry) -> Decoded[Report]:
    """The report in a payload of `channel`. One without an id gets one from its content."""
    try:
        item = read(_REPORT.decode, payload)
        check_place(item.lon, item.lat)
        check_texts(item, "text")
        if item.segment is not None and item.segment not in registry.segments:
            raise Refusal("unknown_id", f"the district has no segment {item.segment!r}")
        record = Report(
            instant(item.ts),
            item.id or identity(channel, item),
            item.text,
            item.lon,
            item.lat,
            item.segment,
            item.kind,
        )
    except Refusal as refused:
        return Decoded("json", refused=[Refused(refused.reason, refused.detail)])
    return Decoded("json", [record], [None])
