"""The relay in Python, with paho-mqtt: relay.py PORT QOS"""
import http.client
import json
import queue
import sys
import threading

import paho.mqtt.client as mqtt

BATCH, UPLOAD_PORT = 100, 18080
port, qos = int(sys.argv[1]), int(sys.argv[2])
batches, filling, lock = queue.Queue(), [], threading.Lock()


def enqueue():
    global filling
    with lock:
        batch, filling = filling, []
    if batch:
        batches.put(batch)


def upload():
    connection = None
    while True:
        try:
            batch = batches.get(timeout=1)
        except queue.Empty:
            enqueue()
            continue
        for _ in range(3):
            try:
                connection = connection or http.client.HTTPConnection("127.0.0.1", UPLOAD_PORT)
                connection.request("POST", "/upload", json.dumps(batch), {"Content-Type": "application/json"})
                connection.getresponse().read()
                break
            except OSError:
                connection = None


def on_connect(client, *_):
    client.subscribe("sensors/#", qos)


def on_message(client, _, message):
    event = json.loads(message.payload)
    if event["temp"] > 80:
        client.publish("alarm/t", json.dumps({"alarm": "temp", "limit": 80, "event": event}), qos)
    with lock:
        filling.append(event)
        full = len(filling) >= BATCH
    if full:
        enqueue()


threading.Thread(target=upload, daemon=True).start()
client = mqtt.Client("edge-relay-py")
client.max_inflight_messages_set(1000)
client.on_connect, client.on_message = on_connect, on_message
client.connect("127.0.0.1", port)
client.loop_forever()
