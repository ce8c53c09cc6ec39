"""A backend for sioserver with nothing but Python's standard library: it answers hooks, takes webhooks, and publishes.

SIO_SECRET=whsec_... SIO_KEY=sk_... python3 backend.py 8000
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

API = os.environ.get("SIO_API", "http://127.0.0.1:3001")


def signed(raw, headers):
    """Whether a request comes from our server: the scheme of Standard Webhooks."""
    key = base64.b64decode(os.environ["SIO_SECRET"].removeprefix("whsec_"))
    at = headers.get("webhook-timestamp", "0")
    text = f"{headers.get('webhook-id', '')}.{at}.".encode() + raw
    mac = "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    given = headers.get("webhook-signature", "").split()
    return abs(time.time() - int(at)) < 300 and any(hmac.compare_digest(mac, s) for s in given)


def emit(**message):
    """Publishes over the API, and returns its result: with "ack" the answers of the clients."""
    request = urllib.request.Request(
        API + "/api/v1/emit",
        json.dumps(message).encode(),
        {"Authorization": "Bearer " + os.environ["SIO_KEY"], "Content-Type": "application/json"},
    )
    return json.load(urllib.request.urlopen(request, timeout=10))["result"]


def connect(m):
    """Who a client is. A real backend looks its session up; this one believes the name in auth."""
    name = (m["auth"] or {}).get("name")
    if not name:
        return {"allow": False, "error": {"message": "tell your name"}}
    return {"allow": True, "user": name, "data": {"name": name}, "meta": {"plan": "pro"}}


def event(m):
    """An event of a client: the answer is its acknowledgement, and what is to happen besides."""
    if m["event"] == "order.create":
        order = {"id": 981, "sku": m["args"][0]["sku"], "by": m["user"], "plan": m["meta"]["plan"]}
        return {
            "ack": [order],
            "join": ["order:981"],
            "emit": [{"to": ["staff"], "event": "order.created", "args": [order]}],
        }
    if m["event"] == "order.confirm":
        # The server does not wait: an event that asks others takes its time, others go on.
        answers = emit(users=[m["args"][0]["user"]], event="confirm", args=[{"order": 981}], ack={"timeout_ms": 5000})
        return {"ack": [answers["acks"]]}
    return {"ack": [{"error": {"code": "unknown_event", "message": m["event"]}}]}


def join(m):
    return {"allow": m["room"] == "staff" and m["user"] == "ada"}


def remember(events):
    """A batch of webhooks: remembered, in a file here."""
    path = os.environ.get("SIO_EVENTS")
    if path:
        with open(path, "a", encoding="utf-8") as f:
            f.writelines(json.dumps(e) + "\n" for e in events)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # connections are kept

    def do_POST(self):
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        if not signed(raw, self.headers):
            self.reply(401, {})
            return
        self.reply(200, self.answer(json.loads(raw)))

    def answer(self, m):
        hook = {"connect": connect, "event": event, "join": join}.get(m.get("hook"))
        if hook:
            return hook(m)
        remember(m.get("events", []))
        return {}

    def reply(self, status, body):
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
