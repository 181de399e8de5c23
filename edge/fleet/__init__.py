"""The built-in master for single VDA 5050 vehicles.

`master` decides and is pure: states, connections and tasks in, effects out. `service` carries them: MQTT on one side,
the warehouse's `TaskBook` on the other. Traffic between vehicles is a fleet controller's business: this master only
keeps one vehicle per station.
"""
