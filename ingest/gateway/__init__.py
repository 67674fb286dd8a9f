"""Ways in for devices that do not speak MQTT: their dialect on one side, the contract on the other.

A gateway answers a device only once the broker has acknowledged what came from it.
"""
