"""Simulated devices: what stations, cameras and residents would publish of the true world."""
