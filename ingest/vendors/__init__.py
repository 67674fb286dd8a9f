"""Dialects of makers of cameras and drones: each module has one function from bytes to sightings.

What a maker's event means in the district is said by a table that the district edits.
"""
