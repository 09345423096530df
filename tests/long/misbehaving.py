"""A web server for `chaos` that misbehaves as it is told, one word a line on standard input:
ok, refuse, reset, silence, slow, end.

usage: misbehaving.py ADDRESS PORT NAME
"""
import asyncio, os, socket, struct, sys

address, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
mode, listener, open_now = "ok", None, set()
RESET = struct.pack("ii", 1, 0)


def reset(writer):
    if writer.is_closing():
        return
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def serve(reader, writer):
    open_now.add(writer)
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            if mode in ("reset", "refuse"):
                return reset(writer)
            if mode == "slow":
                await asyncio.sleep(0.4)
            while mode == "silence":
                await asyncio.sleep(0.05)
            path = head.split(b" ", 2)[1]
            body = name.encode() + b" " + path + b"\n"
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        open_now.discard(writer)
        writer.close()


async def listen():
    global listener
    if listener is None:
        listener = await asyncio.start_server(serve, address, port, backlog=1024)


async def main():
    global mode, listener
    orders = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    await listen()
    print("ready", flush=True)
    while (word := (await orders.readline()).decode().strip()) not in ("", "end"):
        mode = word
        if mode == "refuse":
            listener.close()
            listener = None
        else:
            await listen()
        if mode in ("refuse", "reset"):
            for writer in list(open_now):
                reset(writer)
    # What is still open breaks with the process.
    os._exit(0)

asyncio.run(main())
