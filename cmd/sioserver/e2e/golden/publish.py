"""Publishes with python-socketio as a write-only manager, for ingest.mjs: publish.py UNIX-SOCKET"""

import sys

import redis
import socketio

url = f"unix://{sys.argv[1]}"
marks = redis.Redis.from_url(url)
manager = socketio.RedisManager(url, write_only=True)
manager.host_id = "h"  # which is random otherwise
server = socketio.Server(client_manager=manager)  # a manager of its own cannot disconnect

STEPS = {
    "everybody": lambda: manager.emit("hi", {"a": 1}),
    "a tuple is several arguments": lambda: manager.emit("hi", (1, "two", None)),
    "nothing": lambda: manager.emit("hi", None),
    "one room": lambda: manager.emit("hi", "x", room="r1"),
    "a namespace and except": lambda: manager.emit("hi", "x", namespace="/chat", room="r1", skip_sid="s1"),
    "several rooms and excepts": lambda: manager.emit("hi", "x", room=["r1", "r2"], skip_sid=["s1", "s2"]),
    "binary": lambda: manager.emit("hi", {"b": b"\x00\xff", "c": [b"two"]}),
    "not ASCII": lambda: manager.emit("hi", "é€😀"),
    "enter_room": lambda: manager.enter_room("SID", "/", "r9"),
    "leave_room": lambda: manager.leave_room("SID", "/", "r9"),
    "close_room": lambda: manager.close_room("r1", "/"),
    "disconnect": lambda: server.disconnect("SID"),
}

for step, act in STEPS.items():
    marks.publish("step", step)
    act()
