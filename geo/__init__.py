"""Districts: segments, sites, stations, the road graph and places along it."""
