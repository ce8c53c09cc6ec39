"""Who is online, from webhooks of sioserver alone, with nothing but Python's standard library. It heals when a server is
killed and tells nobody: a server that has not been heard of for three heartbeats is gone, and its users with it.

    webhooks: [{name: presence, url: "http://127.0.0.1:8000/", secret: ["whsec_..."], events: ["user.*", "node.*"]}]

SIO_SECRET=whsec_... python3 presence.py 8000      # GET / tells who is online, and which servers live
"""

import sys
import threading
import time
from datetime import datetime
from http.server import ThreadingHTTPServer

import backend

SILENCE = 30  # seconds: three heartbeats


class Presence:
    """Whatever the order in which batches come, and however often: seq is the order of the events of one boot."""

    def __init__(self):
        self.lock = threading.Lock()
        self.heard = {}  # boot -> time of the newest event of it
        self.ended = {}  # boot -> time of its node.stopped: nothing of it counts any more
        self.users = {}  # boot -> {user: (seq, online)}

    def take(self, node, events):
        boot = node["boot"]
        with self.lock:
            for e in events:
                # The time at which it happened: a delivery of the dead, late, is no sign of life.
                at = datetime.fromisoformat(e["time"]).timestamp()
                self.heard[boot] = max(at, self.heard.get(boot, 0))
                if e["type"] == "node.stopped":
                    self.ended[boot] = at
                elif e["type"] in ("user.online", "user.offline"):
                    users = self.users.setdefault(boot, {})
                    if e["seq"] > users.get(e["user"], (0, False))[0]:
                        users[e["user"]] = (e["seq"], e["type"] == "user.online")
            self.forget()

    def forget(self):
        """Servers of an hour ago. Whoever is not alive does not count, but may have a delivery on its way."""
        for boot in [b for b, at in self.heard.items() if time.time() - at > 3600]:
            for each in (self.heard, self.ended, self.users):
                each.pop(boot, None)

    def online(self):
        with self.lock:
            alive = [b for b, at in self.heard.items() if b not in self.ended and time.time() - at <= SILENCE]
            users = {name for b in alive for name, (_, on) in self.users.get(b, {}).items() if on}
            return {"users": sorted(users), "boots": sorted(alive)}


presence = Presence()


class Handler(backend.Handler):
    def do_GET(self):
        self.reply(200, presence.online())

    def answer(self, m):
        presence.take(m["node"], m["events"])
        return {}


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
