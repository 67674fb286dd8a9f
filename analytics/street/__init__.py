"""One probabilistic model of the street: what lies on it, what is in the air, and who put it there.

An ensemble Kalman filter over silt, water, gates, plumes, background and instruments. The plain
methods of `analytics.background` and `analytics.increment` stay beside it.
"""
