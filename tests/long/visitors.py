"""The load of `chaos`: visitors who follow redirects, and others who are forwarded; one JSON line for each request.

usage: visitors.py SECONDS RATE REDIRECTING FORWARDING FIRST-CLIENT COUNT > LINES
"""
import asyncio, ipaddress, json, random, sys, time

seconds, rate = float(sys.argv[1]), float(sys.argv[2])
redirecting, forwarding = sys.argv[3], sys.argv[4]
first, count = ipaddress.ip_address(sys.argv[5]), int(sys.argv[6])
PATIENCE, HOPS = 70, 8


async def get(client, host, path):
    """Status, Location and body of one GET; status 0: the connection was refused or broken."""
    writer = None
    try:
        reader, writer = await asyncio.open_connection(host, 80, local_addr=(client, 0))
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        answer = await asyncio.wait_for(reader.read(), PATIENCE)
        head, _, body = answer.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        to = next((line[10:] for line in lines if line.lower().startswith("location: ")), None)
        return int(lines[0].split()[1]), to, body.decode()
    except (OSError, ValueError, IndexError, asyncio.TimeoutError) as error:
        return 0, None, repr(error)
    finally:
        if writer:
            writer.close()


async def visit(number, start):
    client = str(first + random.randrange(count))
    host, path = start, f"/r/{number}"
    for hop in range(HOPS):
        sent = time.time()
        status, to, body = await get(client, host, path)
        print(json.dumps({"n": number, "hop": hop, "hops": HOPS, "client": client, "host": host, "sent": sent, "took": time.time() - sent,
                          "status": status, "to": to, "body": body[:80]}))
        if to is None:
            return
        host = to.split("/")[2]


async def main():
    end, number, tasks = time.monotonic() + seconds, 0, set()
    while (now := time.monotonic()) < end:
        tasks.add(task := asyncio.create_task(visit(number, redirecting if number % 2 else forwarding)))
        task.add_done_callback(tasks.discard)
        number += 1
        await asyncio.sleep(max(0, 1 / rate - (time.monotonic() - now)))
    await asyncio.gather(*tasks)

asyncio.run(main())
