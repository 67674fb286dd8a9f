"""What places and crews are called in sentences, in both languages."""

from dataclasses import dataclass

from dispatch.words import Said, Words
from geo.district import District
from geo.names import named


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one district; what it does not know is called by its id."""

    district: District
    words: Words

    def place(self, place: str | None) -> Said:
        """A segment, a site or a depot."""
        district = self.district
        if known := district.segments.get(place or "") or district.sites.get(place or ""):
            return self.words.named(named(known.name, known.extra))
        if depot := district.depots.get(place or ""):
            return self.words.named(named(str(depot.extra.get("name", depot.id)), depot.extra))
        return Said(place or "?", place or "?")

    def crew(self, crew: str) -> Said:
        """A crew."""
        known = self.district.crews.get(crew)
        return self.words.named(named(known.name, known.extra)) if known else Said(crew, crew)
