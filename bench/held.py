"""held: what a peer holds while it is used, and what it leaves behind when both sides are killed.

The run has a mount and an IPC namespace of its own, with empty file systems at /dev/shm and /tmp, and message queues
at /dev/shm/mqueue: what lies there is the peer's, and goes with the namespace. It takes root's rights, or user namespaces.
"""
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time

PLACES = ("/dev/shm", "/tmp")

# Mounts, then twice the same: the run that is killed, and one that ends in order, to see whether it works and what is left then.
SCRIPT = """
set -e
mount -t tmpfs tmpfs /dev/shm
case $BENCH_PLACES in *" /tmp "*) mount -t tmpfs tmpfs /tmp ;; esac
mkdir /dev/shm/own /dev/shm/mqueue
mount -t mqueue mqueue /dev/shm/mqueue
"$@" --work held
again=0
"$@" --work round_trip --run-ms 20 >/dev/null 2>&1 || again=1
echo "{\\"again\\":$again}"
read line
"""


@contextlib.contextmanager
def scratch():
    directory = tempfile.mkdtemp(prefix="tarn-bench-")
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def files_below(root, places):
    """{path: bytes allocated} of all files, queues and sockets there."""
    found = {}
    for place in places:
        for directory, _, names in os.walk(f"/proc/{root}/root{place}"):
            for name in names:
                path = os.path.join(directory, name)
                with contextlib.suppress(OSError):
                    found[path.split("/root", 1)[1]] = os.lstat(path).st_blocks * 512
    return found


def children(pid):
    found = []
    with contextlib.suppress(OSError):
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(word) for word in file.read().split()]
    return found


def of_process(pid):
    """Memory that is this process's share, descriptors and threads."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        memory = sum(int(line.split()[1]) * 1024 for line in file if line.startswith(("Pss_Anon:", "Pss_Shmem:")))
    return {"memory": memory, "descriptors": len(os.listdir(f"/proc/{pid}/fd")), "threads": len(os.listdir(f"/proc/{pid}/task"))}


def others_of(root, sides):
    """Processes besides the sides: daemons and trackers that the peer started."""
    found, waiting = [], [root]
    while waiting:
        pid = waiting.pop()
        for child in children(pid):
            waiting.append(child)
            with contextlib.suppress(OSError):
                with open(f"/proc/{child}/comm", encoding="utf-8") as file:
                    name = file.read().strip()
                if child not in sides and pid != root:  # root's own child is the one that measures
                    found.append(dict(of_process(child), name=name))
    return found


def total(files):
    return {"files": len(files), "bytes": sum(files.values()), "names": sorted(files)[:20]}


def follow(process, places):
    """Reads what the run says, looks at the system each time, and lets it go on."""
    made, sides = {}, []
    for text in process.stdout:
        said = json.loads(text)
        if "sides" in said or "skipped" in said:
            made.update(said)
            continue
        if "holding" in said:
            sides = said["holding"]
            made["in_use"] = total(files_below(process.pid, places))
            made["others"] = others_of(process.pid, sides)
        elif "killed" in said:
            time.sleep(0.3)  # who clears up may do so
            made["left"] = total(files_below(process.pid, places))
        else:
            made["works_again"] = said["again"] == 0
            made["left_at_last"] = total(files_below(process.pid, places))
        process.stdin.write("\n")
        process.stdin.flush()
    return made


def measure(asked, line):
    places = [place for place in PLACES if not asked[0].startswith(place) and not asked[2 if "-B" in asked else 0].startswith(place)]
    asked = asked + ["--mode", line.mode, "--bytes", str(line.bytes), "--name", "tarn-bench-held", "--directory", "/dev/shm/own"]
    enter = ["unshare", "--mount", "--ipc", "--propagation", "private"] + ([] if os.getuid() == 0 else ["--map-root-user"])
    environment = dict(os.environ, BENCH_PLACES=" " + " ".join(places) + " ")
    try:
        with subprocess.Popen(enter + ["bash", "-c", SCRIPT, "bash", *asked], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env=environment) as process:
            made = follow(process, places)
            process.stdin.close()
            words = process.stderr.read().strip().splitlines()
    except OSError as failure:
        return {"skipped": f"no namespace of its own: {failure}"}
    if "sides" in made or "skipped" in made:
        return made
    last = words[-1] if words else "it said nothing"
    return {"skipped": f"no namespace of its own: {last}"} if "unshare" in last or "mount" in last else {"failed": last}
