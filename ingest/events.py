"""A SiteEvent or an array of them, to records."""

import msgspec

from ingest import messages
from ingest.instants import instant
from ingest.items import check_json, check_place, check_texts, identity, read, read_items
from ingest.records import Decoded, Event
from ingest.refusals import Refusal
from ingest.registry import Registry

_ONE = msgspec.json.Decoder(messages.SiteEvent)
_MANY = msgspec.json.Decoder(list[messages.SiteEvent])


def events(payload: bytes, source: str, registry: Registry, most: int = 1000) -> Decoded[Event]:
    """Events of the camera or drone `source`. An event without an id gets one from its content."""

    def one(item: bytes | msgspec.Raw) -> Event:
        return _record(read(_ONE.decode, item), source, registry)

    def many(payload: bytes) -> list[Event]:
        return [_record(item, source, registry) for item in _MANY.decode(payload)]

    return read_items(payload, "json", one, many, most)


def _record(item: messages.SiteEvent, source: str, registry: Registry) -> Event:
    check_place(item.lon, item.lat)
    check_texts(item, "plate", "note")
    if item.segment is not None and item.segment not in registry.segments:
        raise Refusal("unknown_id", f"the district has no segment {item.segment!r}")
    if item.site is not None and item.site not in registry.sites:
        raise Refusal("unknown_id", f"the district has no site {item.site!r}")
    media = check_json(item, "media")
    return Event(
        ts_us=instant(item.ts),
        id=item.id or identity(source, item),
        kind=item.kind,
        confidence=item.confidence,
        lon=item.lon,
        lat=item.lat,
        segment=item.segment,
        site=item.site,
        truck=item.truck,
        plate=item.plate,
        number=item.count,
        media=media,
        note=item.note,
    )
