"""Districts: their segments, sites, stations and crews, the road graph and places along it."""
