"""The MQTT connection that platform and simulators open alike."""
