"""The application contract on python-socketio, served by uvicorn on uvloop."""

import asyncio
import json
import signal
import socket
import sys
from importlib.metadata import version

import socketio
import uvicorn
import uvloop
from engineio.payload import Payload

# A polling client puts all it has to say into one request; the default takes 16 packets.
Payload.max_decode_packets = 10_000

sio = socketio.AsyncServer(async_mode="asgi")


@sio.on("echo")
async def echo(sid, *args):
    await sio.emit("echo", args, to=sid)
    return args


@sio.on("join")
async def join(sid, room):
    await sio.enter_room(sid, room)


@sio.on("room")
async def room(sid, room, *args):
    await sio.emit("room", (room, *args), room=room)


@sio.on("bcast")
async def bcast(sid, *args):
    await sio.emit("bcast", args)


@sio.on("sink")
async def sink(sid, *args):
    pass


def listen():
    try:
        host, port = sys.argv[sys.argv.index("--listen") + 1].rsplit(":", 1)
        port = int(port)
    except (ValueError, IndexError):
        sys.exit("usage: run --listen HOST:PORT")
    try:
        return socket.create_server((host, port), backlog=2048)
    except (OSError, OverflowError) as err:
        sys.exit(str(err))


async def main(listener):
    versions = [version("python-socketio")]
    versions += [f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "websockets")]
    versions.append(f"Python {sys.version.split()[0]}")
    config = uvicorn.Config(
        socketio.ASGIApp(sio),
        http="httptools",
        ws="websockets-sansio",
        # Engine.IO has its own heartbeat, and the peers run without compression.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.01)
    if not serving.done():
        host, port = listener.getsockname()[:2]
        print(json.dumps({"listening": f"{host}:{port}", "name": "python", "version": ", ".join(versions)}), flush=True)
    await serving


if __name__ == "__main__":
    uvloop.run(main(listen()))
