"""What scripts/bench-serving runs.

    serving.py FRCNN widths [FIRST LAST]|lanes|memory [MINUTES]
"""
import http.client
import math
import pathlib
import random
import re
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zlib


def picture(height, width):
    """A PNG of gradients and some noise."""
    generator = random.Random(height * 10_000 + width)
    noise = bytes(generator.randrange(32) for _ in range(4096))
    rows = bytearray()
    for y in range(height):
        rows.append(0)
        row = bytearray(3 * width)
        for channel in range(3):
            wave = [int(112 + 100 * math.sin(x / (20 + 7 * channel) + y / 31)) for x in range(width)]
            row[channel::3] = bytes(w + noise[(131 * y + 7 * x) % 4096] for x, w in enumerate(wave))
        rows += row

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(bytes(rows), 1)) + chunk(b"IEND", b""))


class Server:
    def __init__(self, program, *arguments):
        self.process = subprocess.Popen([program, "serve", "--port", "0", "--log-level", "none", *arguments],
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.port = None
        for line in self.process.stderr:
            found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
            self.port = int(found[1]) if found else self.port
            if "ready with" in line:
                return
        raise SystemExit("bench-serving: the server did not become ready")

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)

    def resident(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def detect(connection, data):
    """The response's header fields and how long it took, in seconds."""
    start = time.perf_counter()
    connection.request("POST", "/detect", data, {"Content-Type": "image/png"})
    response = connection.getresponse()
    body = response.read()
    if response.status not in (200, 429):
        raise SystemExit(f"bench-serving: {response.status}: {body.decode()}")
    return response, time.perf_counter() - start


def stage(response, name):
    found = re.search(rf"\b{name};dur=([\d.]+)", response.headers["Server-Timing"])
    return float(found[1]) if found else 0.0


def widths(program, first=608, last=1000):
    with tempfile.TemporaryDirectory() as folder:
        model = f"{folder}/vgg16.safetensors"
        subprocess.run([program, "init", "vgg16", model], check=True, stdout=subprocess.DEVNULL)
        with Server(program, "--model", model) as server:
            connection, reference, ratios, times, memory = server.connect(), picture(600, 800), {}, {}, []
            for width in range(first, last + 1, 8):
                data = picture(600, width)

                def backbone(data):
                    return stage(detect(connection, data)[0], "backbone")

                # The first builds the plan. Then both sizes in turn: the machine's pace changes.
                backbone(data), backbone(reference)
                pairs = [(backbone(data), backbone(reference)) for _ in range(3)]
                times[width] = statistics.median(mine for mine, _ in pairs)
                ratios[width] = statistics.median(mine / width / (theirs / 800) for mine, theirs in pairs)
                memory.append(server.resident())
                print(f"bench-serving: {width} columns: {ratios[width]:.2f}, {memory[-1] / 1e6:.0f} MB", file=sys.stderr)
    print("| columns | backbone, ms | for each pixel, beside 800 |\n|---:|---:|---:|")
    for width in times:
        print(f"| {width} | {times[width]:.0f} | {ratios[width]:.2f} |")
    worst = max(ratios, key=ratios.get)
    print(f"\nThe slowest for each pixel: {worst} columns, {ratios[worst]:.2f}; resident memory "
          f"{memory[0] / 1e6:.0f} MB after the first size, {memory[-1] / 1e6:.0f} MB after all.")


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def closed(server, data, clients, seconds):
    """Latencies with so many clients, each of which waits for its answer."""
    latencies, end = [], time.perf_counter() + seconds

    def client():
        connection = server.connect()
        while time.perf_counter() < end:
            response, took = detect(connection, data)
            if response.status == 200:
                latencies.append(took)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return latencies, len(latencies) / seconds


def opened(server, data, rate, seconds):
    """Latencies with arrivals at random at a rate, counted from the arrival."""
    generator, latencies, threads = random.Random(1), [], []
    start, at = time.perf_counter(), 0.0
    while at < seconds:
        at += generator.expovariate(rate)
        time.sleep(max(0, start + at - time.perf_counter()))

        def one():
            response, took = detect(server.connect(), data)
            if response.status == 200:
                latencies.append(took)

        threads.append(threading.Thread(target=one))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return latencies, len(latencies) / seconds


def lanes(program):
    data, seconds, capacity = picture(480, 640), 12, None
    print("| lanes | load | pictures a second | median, ms | p95, ms |\n|---:|---|---:|---:|---:|")
    for count in (1, 2):
        with Server(program, "--lanes", str(count), "--queue", "64") as server:
            closed(server, data, 2, 2)

            def row(name, result):
                latencies, rate = result
                print(f"| {count} | {name} | {rate:.1f} | {1000 * statistics.median(latencies):.0f} "
                      f"| {1000 * percentile(latencies, 0.95):.0f} |", flush=True)
                return rate

            for clients in (1, 2, 8):
                rate = row(f"{clients} waiting client{'s' * (clients > 1)}", closed(server, data, clients, seconds))
                if clients == 8 and capacity is None:
                    capacity = rate
            for share in (0.3, 0.6, 0.9):
                row(f"arrivals at {share:.1f} of one lane's rate", opened(server, data, share * capacity, seconds))


def memory(program, minutes):
    generator = random.Random(2)
    sizes = [(generator.randrange(240, 641), generator.randrange(320, 801)) for _ in range(40)]
    pictures = [picture(*size) for size in sizes]
    with Server(program) as server:
        connection, count, start = server.connect(), 0, time.perf_counter()
        print("| minute | pictures | resident memory, MB | plans kept | plans built |\n|---:|---:|---:|---:|---:|")
        for minute in range(1, minutes + 1):
            while time.perf_counter() < start + 60 * minute:
                # Two pictures of three are of four common sizes.
                data = pictures[generator.randrange(4 if generator.random() < 2 / 3 else 40)]
                count += detect(connection, data)[0].status == 200
            connection.request("GET", "/metrics")
            text = connection.getresponse().read().decode()
            kept, built = (int(float(re.search(rf"^frcnn_plan_cache_{n}_total\{{.*\}} (\S+)", text, re.M)[1]))
                           for n in ("hits", "misses"))
            print(f"| {minute} | {count} | {server.resident() / 1e6:.0f} | {kept} | {built} |", flush=True)


def main():
    program, what, *rest = sys.argv[1:] if len(sys.argv) > 2 else [None, None]
    if what == "widths":
        widths(program, *map(int, rest))
    elif what == "lanes":
        lanes(program)
    elif what == "memory":
        memory(program, int(rest[0]) if rest else 10)
    else:
        raise SystemExit("bench-serving: say widths, lanes or memory")


if __name__ == "__main__":
    main()
