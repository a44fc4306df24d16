"""A `frcnn detect --worker` to be asked from Python: pictures in, rows out, over its two pipes.

Needs nothing but Python. Spark and Ray ship this file to their workers; anything else may import it as it is.
"""
import functools
import json
import shutil
import struct
import subprocess
import threading


@functools.cache
def shared(program, threads, options):
    """The worker that this process of Python asks again and again; it ends with it, since its standard input does."""
    return Worker(program, threads, options)


class Worker:
    """One process of the program; it is started with the first picture and asked one picture after the other."""

    def __init__(self, program="frcnn", threads=1, options=()):
        self.command = [shutil.which(program) or program, "detect", "--worker", "--lanes", "1",
                        "--threads", str(threads), *options]
        self.process = None

    def start(self):
        if self.process is None:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def stop(self):
        """Ends the process; what it still answers is lost."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            self.process.stdout.close()
            self.process = None

    def answers(self, pictures):
        """What the program answers to each of some pictures (bytes), as it answers: a dictionary each, in order.

        Pictures go in from a thread of their own, so that the next one is decoded while one is computed. What the pipe has
        room for is the most that waits.
        """
        self.start()
        process, count, lock = self.process, [0, False], threading.Condition()
        failures = []

        def send():
            try:
                for picture in pictures:
                    process.stdin.write(struct.pack(">I", len(picture)))
                    process.stdin.write(picture)
                    process.stdin.flush()
                    with lock:
                        count[0] += 1
                        lock.notify()
            except BaseException as error:  # The reader raises it again.
                failures.append(error)
            finally:
                with lock:
                    count[1] = True
                    lock.notify()

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        done, is_whole = 0, False
        try:
            while True:
                with lock:
                    lock.wait_for(lambda: count[0] > done or count[1])
                    if count[0] == done and count[1]:
                        break
                line = process.stdout.readline()
                if not line:
                    raise RuntimeError(f"{' '.join(self.command)} ended before it answered: its standard error says why")
                done += 1
                answer = json.loads(line)
                answer.pop("index")
                yield answer
            sender.join()
            if failures:
                raise failures[0]
            is_whole = True
        finally:
            # Who is asked next must not get an answer that nobody has waited for.
            if not is_whole:
                self.stop()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
