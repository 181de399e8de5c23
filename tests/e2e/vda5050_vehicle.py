"""A foreign VDA 5050 vehicle, 2.1 or 3.0: plain paho-mqtt and JSON, knowing nothing of Tagledger. Run as a script.

python vda5050_vehicle.py HOST PORT MANUFACTURER SERIAL START_NODE [3.0.0]: takes orders, "drives" a node per 50 ms and
does every action at once. It sends nulls for optional fields and fields of its own, as real vehicles do.
"""

import json
import sys
import threading
from datetime import UTC, datetime
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


class ForeignVehicle:
    def __init__(self, host: str, port: int, manufacturer: str, serial: str, node: str, version: str = "2.1.0") -> None:
        self.v3 = version == "3.0.0"
        self.head = {"version": version, "manufacturer": manufacturer, "serialNumber": serial}
        self.prefix = f"uagv/v{version[0]}/{manufacturer}/{serial}"
        self.instant: dict[str, dict[str, Any]] = {}
        self.order: dict[str, Any] = {"orderId": "", "orderUpdateId": 0}
        self.nodes: list[dict[str, Any]] = []
        self.edges: list[dict[str, Any]] = []
        self.actions: dict[str, dict[str, Any]] = {}
        self.node, self.sequence, self.load = node, 0, False
        self.count: dict[str, int] = {}
        self.lock = threading.RLock()
        self.client = paho.Client(CallbackAPIVersion.VERSION2)
        self.client.will_set(
            f"{self.prefix}/connection",
            self.connection("CONNECTION_BROKEN" if self.v3 else "CONNECTIONBROKEN"),
            qos=1,
            retain=True,
        )
        self.client.on_connect = self.connected
        self.client.on_message = self.message
        self.client.connect(host, port)

    def payload(self, topic: str, body: dict[str, Any]) -> str:
        self.count[topic] = self.count.get(topic, -1) + 1
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-4] + "Z"
        return json.dumps({"headerId": self.count[topic], "timestamp": now} | self.head | body)

    def connection(self, state: str) -> str:
        return self.payload("connection", {"connectionState": state})

    def connected(self, *_: object) -> None:
        self.client.subscribe([(f"{self.prefix}/order", 0), (f"{self.prefix}/instantActions", 0)])
        self.client.publish(f"{self.prefix}/connection", self.connection("ONLINE"), qos=1, retain=True)
        self.tell()

    def tell(self) -> None:
        body = {
            "orderId": self.order["orderId"],
            "orderUpdateId": self.order["orderUpdateId"],
            "lastNodeId": self.node,
            "lastNodeSequenceId": self.sequence,
            "driving": bool(self.nodes),
            "paused": None,
            "newBaseRequest": None,
            "zoneSetId": None,
            "operatingMode": "AUTOMATIC",
            "nodeStates": [{k: n.get(k) for k in ("nodeId", "sequenceId", "released")} for n in self.nodes],
            "edgeStates": [{k: e.get(k) for k in ("edgeId", "sequenceId", "released")} for e in self.edges],
            "actionStates": list(self.actions.values()),
            "batteryState": {"batteryCharge": 80.0, "batteryVoltage": None, "charging": False, "reach": None},
            "errors": [],
            "information": None,
            "loads": [{"loadId": None, "loadType": "EPAL"}] if self.load else [],
            "safetyState": {"eStop": "NONE", "fieldViolation": False},
            "acmeTemperature": {"motor": 41.5},
        }
        if self.v3:
            del body["batteryState"], body["safetyState"]
            body |= {
                "powerSupply": {"stateOfCharge": 80.0, "batteryVoltage": None, "charging": False, "range": None},
                "safetyState": {"activeEmergencyStop": "NONE", "fieldViolation": False},
                "instantActionStates": list(self.instant.values()),
                "mobileRobotPosition": None,
                "zoneActionStates": None,
            }
        self.client.publish(f"{self.prefix}/state", self.payload("state", body))

    def message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        body = json.loads(message.payload)
        with self.lock:
            if message.topic.endswith("/instantActions"):
                for action in body["actions"]:
                    held = self.instant if self.v3 else self.actions
                    held[action["actionId"]] = {"actionId": action["actionId"], "actionStatus": "FINISHED"}
                return
            if body["orderId"] == self.order["orderId"]:
                if body["orderUpdateId"] <= self.order["orderUpdateId"]:
                    return
                self.nodes = [n for n in self.nodes if n["released"]] + body["nodes"][1:]
                self.edges = [e for e in self.edges if e["released"]] + body["edges"]
                fresh = body["nodes"][1:]
            else:
                assert body["nodes"][0]["nodeId"] == self.node, "an order must begin where the vehicle stands"
                self.actions, self.sequence = {}, body["nodes"][0]["sequenceId"]
                self.nodes, self.edges, fresh = body["nodes"][1:], body["edges"], body["nodes"]
            self.order = body
            for node in fresh:
                for action in node["actions"]:
                    self.actions[action["actionId"]] = {"actionId": action["actionId"], "actionStatus": "WAITING"}
            self.act(body["nodes"][0])
            self.tell()

    def act(self, node: dict[str, Any]) -> None:
        for action in node["actions"]:
            if self.actions.get(action["actionId"], {}).get("actionStatus") == "WAITING":
                self.actions[action["actionId"]]["actionStatus"] = "FINISHED"
                self.load = {"pick": True, "drop": False}.get(action["actionType"], self.load)

    def run(self) -> None:
        self.client.loop_start()
        idle = threading.Event()
        while not idle.wait(0.05):
            with self.lock:
                if self.nodes and self.nodes[0]["released"]:
                    reached = self.nodes.pop(0)
                    self.edges = [e for e in self.edges if e["sequenceId"] > reached["sequenceId"]]
                    self.node, self.sequence = reached["nodeId"], reached["sequenceId"]
                    self.act(reached)
                    self.tell()


if __name__ == "__main__":
    ForeignVehicle(sys.argv[1], int(sys.argv[2]), *sys.argv[3:7]).run()
