"""A foreign program for map_foreign_test: Python's own multiprocessing.shared_memory, told what to do line by line."""

import sys
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory


def keep_the_name(memory):
    # Python removes the names of all shared memory that a process of its own opened when that process ends, also what others
    # made and still use. Who shares memory with anybody else has to tell it not to (from 3.13 on: track=False).
    resource_tracker.unregister(memory._name, "shared_memory")
    return memory


def main():
    memory = None
    for line in sys.stdin:
        command, *words = line.rstrip("\n").split(" ", 2)
        if command == "create":
            memory = keep_the_name(SharedMemory(words[0], create=True, size=int(words[1])))
            answer = f"ok {memory.size}"
        elif command == "open":
            try:
                memory = keep_the_name(SharedMemory(words[0]))
                answer = f"ok {memory.size}"
            except FileNotFoundError:
                answer = "none"
        elif command == "write":
            data = words[1].encode()
            memory.buf[int(words[0]):int(words[0]) + len(data)] = data
            answer = "ok"
        elif command == "read":
            answer = bytes(memory.buf[int(words[0]):int(words[0]) + int(words[1])]).decode()
        elif command == "close":
            memory.close()
            answer = "ok"
        elif command == "remove":
            resource_tracker.register(memory._name, "shared_memory")  # unlink() takes it out again
            memory.unlink()
            answer = "ok"
        else:
            answer = "what?"
        print(answer, flush=True)


main()
