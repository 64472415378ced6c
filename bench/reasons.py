"""reasons: why Tarn is not first, in words. By kind of row: the work and the mode, and a size where it matters ('small' up to 64 bytes,
'large' from 64 KiB on); the most particular key counts. A row without a reason here stands on the page as not yet explained.
No figures: those are measured."""

RING = ("A ring is written from its beginning to its end before any of it is used again, so that a large message lies where neither "
        "processor has it in its nearest cache; a pool of buffers hands out the one that was freed last, which is still there.")

REASONS = {
    "round_trip poll large": RING,
    "round_trip block large": RING,
    "one_way poll large": RING,
    "one_way block large": RING,
    "sleep block": "Whoever sleeps is woken by the kernel, in the same way for every peer; what is left is what Tarn does before it "
                   "sleeps (it looks for a while, and announces itself so that a writer whose readers are awake need not enter the kernel) "
                   "and after (it looks again).",
    "first block": "Opening a channel takes locks that prove who is alive, reserves the ring's memory, and looks at the directory's "
                   "rights; a reader that comes first looks for the name again after a pause. What a parent makes before it starts its "
                   "children has nothing of that to do.",
    "newest poll small": "A sequence lock lets the writer overwrite the one value there is, in the cache lines that both sides already have; "
                         "a board writes another buffer each time, so that a reader has a complete value in place even if the writer dies "
                         "in the middle, and a reader marks what it reads.",
    "newest block small": "A board's reader marks what it reads, with a full fence, before it looks once more, and the writer looks through "
                          "those marks before it uses a buffer again; with a queue of buffers for each reader neither has to look at "
                          "what the other holds.",
    "newest block": "With one buffer that goes back and forth, or a queue of them, writer and reader meet in the same lines each time or do not; a board's "
                    "reader sleeps when there is nothing newer, and is woken.",
    "newest poll": "A sequence lock has one buffer, which stays in the cache; a board goes round several, so that nobody ever copies "
                   "twice or waits for a dead writer.",
}


def size_class(size):
    return "small" if size <= 64 else "large" if size >= 65536 else "middle"


def reason(line):
    for key in (f"{line.work} {line.mode} {size_class(line.bytes)}", f"{line.work} {line.mode}"):
        if key in REASONS:
            return REASONS[key]
    return None
