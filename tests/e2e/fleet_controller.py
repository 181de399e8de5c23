"""A foreign fleet controller: plain paho-mqtt, MQTT 5, a user of its own. Knows the documented topics and nothing else.

    python fleet_controller.py HOST PORT SITE USER PASSWORD TASKS [CRASH_AFTER_PICK]

It claims one task after the other, picks, finishes, and prints each reply as a line of JSON. What it is not answered
within a second it asks again under the same id. With CRASH_AFTER_PICK it dies there without a word.
"""

import contextlib
import json
import os
import queue
import sys
import uuid

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

HOST, PORT, SITE, USER, PASSWORD, TASKS = sys.argv[1:7]
CRASH = len(sys.argv) > 7
BASE = f"tagledger/v1/{SITE}/tasks"
replies: "queue.Queue[dict[str, object]]" = queue.Queue()
work: "queue.Queue[str]" = queue.Queue()


def on_connect(client, _userdata, _flags, reason, _properties):  # type: ignore[no-untyped-def]
    assert not reason.is_failure, reason
    client.subscribe([(f"{BASE}/reply/{USER}/#", 1), (f"{BASE}/open/+", 1)])


def on_message(_client, _userdata, message):  # type: ignore[no-untyped-def]
    if message.topic.startswith(f"{BASE}/open/"):
        if message.payload:
            work.put(message.topic.rpartition("/")[2])
        return
    reply = json.loads(message.payload)
    assert message.properties.CorrelationData.decode() == reply["id"]
    replies.put(reply)


def ask(operation: str, **fields: object) -> dict[str, object]:
    body = {"id": str(uuid.uuid4()), **fields}
    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = f"{BASE}/reply/{USER}/{os.getpid()}"
    properties.CorrelationData = str(body["id"]).encode()
    while True:
        client.publish(f"{BASE}/request/{USER}/{operation}", json.dumps(body), qos=1, properties=properties)
        try:
            while True:
                reply = replies.get(timeout=1.0)
                if reply["id"] == body["id"]:
                    print(json.dumps(reply), flush=True)
                    return reply
        except queue.Empty:
            continue


client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
client.username_pw_set(USER, PASSWORD)
client.on_connect = on_connect
client.on_message = on_message
client.reconnect_delay_set(1, 1)
client.connect(HOST, int(PORT), keepalive=5)
client.loop_start()
done = 0
while done < int(TASKS):
    with contextlib.suppress(queue.Empty):
        work.get(timeout=0.5)
    task = ask("claim", vehicle=f"{USER}-truck", lease_s=60)["result"]["task"]  # type: ignore[index]
    if task is None:
        continue
    claim = {"task_id": task["task_id"], "attempt": task["attempt"]}
    assert ask("progress", **claim, step="picked", vehicle=f"{USER}-truck")["ok"]
    if CRASH:
        os._exit(9)
    assert ask("finish", **claim)["ok"]
    done += 1
client.disconnect()
client.loop_stop()
