"""reasons: why Tarn is not first, in words. A rule says for which rows and which peers a reason is true; the first that fits counts. A
row without a reason here stands on the page as not yet explained. No figures: those are measured."""
import plan

IN_KERNEL = ("pipe", "socket_stream", "socket_packet", "mqueue")
POOLS = ("iceoryx", "iceoryx2")

# By its name, under which it stands below the table.
REASONS = {
    "ring and pool":
        "A ring is written from its beginning to its end before any of it is used again, so that a large message lies where no near "
        "cache has it; a pool of chunks hands out the one that was given back last, which is still there. The bare loop, which is a "
        "ring too, is as far behind, and with a single slot it is not (seen there and back). A ring that began anew whenever it is "
        "empty would do the same, and would lose what it still holds for readers that come later.",
    "runs of two kinds":
        "All peers whose reader looks at a large payload in place, the bare loop too, take many times as long in some runs as in "
        "others (the tails show both kinds), whichever the peer; what is copied through the kernel hardly does. So this row says whose "
        "runs were of which kind. Where that comes from is not found.",
    "read by copying":
        "Python's reader copies the payload out and does not add it up, since that is its fastest way to touch every byte; the readers"
        " of all others add up every word, which takes longer than a copy. A reader of Tarn's that copies is as fast.",
    "woken by the kernel":
        "Who sleeps is woken by the kernel, here by a futex, and that takes nearly all of the time; what else the peers do is small "
        "beside it, and beside what it differs by from one run to the next. The bare futex in the same table shows how little is left "
        "to gain.",
    "one value in place":
        "A sequence lock overwrites the one value there is, in the lines that both sides have; a board writes another buffer each "
        "time, and its reader marks the one it reads, so that a value stays whole and in place while it is read, and is there even if "
        "the writer dies in the middle.",
    "fewer values seen":
        "The age counts from before the writer copies the value in. A reader that goes through the kernel for each value, as the "
        "listener or wait set does, is away meanwhile and sees fewer of them, and the writer copies undisturbed into its own cache; "
        "Tarn's reader is back at once, sees more of the values, and takes the lines of each from the writer. One that is made to stay"
        " away for as long sees values as young as they do.",
    "marks of readers":
        "A board's reader marks what it reads, with a full fence, before it looks once more, and the writer looks through those marks "
        "before it uses a buffer again; with a queue of buffers for each reader neither has to look at what the other holds.",
    "less to make":
        "The parent has made it before the clock starts, or there is little to make. Tarn's writer asks what memory the system and its"
        " control groups allow, tries whether locks tell who is alive there, and reserves the ring, which is a good part of it; a "
        "reader that is there first looks for the name again after a pause.",
    "slices and looks":
        "Before it sleeps a reader looks for a while, and tells every process that publishes, by one call of the kernel, so that a "
        "writer whose readers are awake makes no call at all. While it sleeps it wakes at every slice, looks for itself, and asks the "
        "kernel whether the writer still lives: nobody needs to be told of a death. With few messages a second that is most of what it"
        " does.",
    "the kernel holds it":
        "What it keeps for the reader lies in the kernel, whose memory is not counted here, and messages pass one by one; a channel of"
        " Tarn's is a file with a table of who takes part and a ring that is reserved. One descriptor a channel stays open in each "
        "process: the locks that say who lives are on it.",
    "one segment for all":
        "It has one piece of memory with just its messages in it, and no table of who takes part.",
    "names outlive the killed":
        "A channel is a file, and nobody is left to remove it when all its users are killed at once: the next who opens the name, or "
        "`tarn clean`, does. What has no name goes with the last descriptor.",
}

# (works, modes, smallest and largest payload, peers or None for all, name of the reason)
RULES = [
    (("round_trip", "one_way"), ("poll", "block"), 64 * plan.KIB, 8 * plan.MIB, POOLS, "ring and pool"),
    (("round_trip", "one_way"), ("poll", "block"), 64 * plan.KIB, 8 * plan.MIB, ("python_shm",), "read by copying"),
    (("round_trip", "one_way"), ("poll", "block"), 64 * plan.KIB, 8 * plan.MIB, IN_KERNEL, "runs of two kinds"),
    (("sleep",), ("block",), 64, 64, None, "woken by the kernel"),
    (("newest",), ("poll",), 64, plan.MIB, ("seqlock", "python_shm"), "one value in place"),
    (("newest",), ("block",), 64 * plan.KIB, plan.MIB, POOLS, "fewer values seen"),
    (("newest",), ("block",), 64, 64, POOLS, "marks of readers"),
    (("first",), ("block",), 64, 64, None, "less to make"),
    (("cpu", "calls"), ("block",), 64, 64, None, "slices and looks"),
    (("memory", "descriptors", "threads", "mappings"), ("block",), 64, 64, IN_KERNEL + ("zeromq", "nng"), "the kernel holds it"),
    (("memory", "descriptors", "threads", "mappings"), ("block",), 64, 64, ("boost", "python_queue", "python_shm"), "one segment for all"),
    (("left",), ("block",), 64, 64, None, "names outlive the killed"),
]


def reason(work, mode, size, peer):
    """The name of the reason why this peer is better there; None: nobody has found it yet."""
    for works, modes, least, most, peers, name in RULES:
        if work in works and mode in modes and least <= size <= most and (peers is None or peer in peers):
            return name
    return None
