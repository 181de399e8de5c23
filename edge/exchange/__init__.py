"""Tasks over MQTT for fleet controllers that are not ours.

`messages` is what is said, as values: topics, requests, replies, schemas. `service` carries it: MQTT on one side, the
warehouse's commands on the other.
"""
