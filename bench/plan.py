"""plan: which runs the comparison is made of. A line is what stands in one row of the report for all peers; a run is one peer at one line."""
import dataclasses

KIB, MIB = 1 << 10, 1 << 20

# Order of the columns and rows of the report. The first word of each is what bench/compare calls it.
TARN = ["tarn_stream", "tarn_board"]
LIMITS = ["cache_line", "bare", "futex"]
OTHERS = ["seqlock", "pipe", "socket_stream", "socket_packet", "mqueue", "zeromq", "nng", "boost", "iceoryx", "iceoryx2",
          "python_queue", "python_shm"]
PEERS = LIMITS + TARN + OTHERS
SYSTEM_PEERS = ["cache_line", "bare", "futex", "tarn_stream", "tarn_board", "pipe", "socket_stream"]
NEWEST_PEERS = ["tarn_board", "seqlock", "zeromq", "nng", "iceoryx", "iceoryx2", "python_shm"]
READER_PEERS = ["futex", "tarn_stream", "pipe", "socket_stream", "socket_packet", "mqueue", "zeromq", "nng", "boost", "iceoryx",
                "iceoryx2", "python_queue"]
MESSAGE_PEERS = [peer for peer in PEERS if peer not in ("seqlock", "cache_line")]
BLOCKING_PEERS = [peer for peer in MESSAGE_PEERS if peer != "bare"]
POLLING_PEERS = [peer for peer in PEERS if peer not in ("seqlock", "futex", "python_queue")]


@dataclasses.dataclass(frozen=True)
class Line:
    work: str
    mode: str
    bytes: int = 64
    readers: int = 1
    rate: int = 0
    run_ms: int = 120
    warm_ms: int = 20
    rounds: int = 99  # at most so many
    peers: tuple = ()

    def key(self):
        return f"{self.work} {self.mode} {self.bytes} {self.readers} {self.rate}"


def modes(make, **peers):
    return [make(mode, tuple(of)) for mode, of in peers.items()]


def lines(quick):
    """All lines, with less of everything for a quick look."""
    made = []
    sizes = [8, 64, 64 * KIB] if quick else [8, 64, KIB, 64 * KIB, MIB, 8 * MIB]
    run_ms, warm_ms = (30, 5) if quick else (120, 20)
    for size in sizes:
        made += modes(lambda mode, peers, size=size: Line("round_trip", mode, size, run_ms=run_ms, warm_ms=warm_ms, peers=peers),
                      poll=[peer for peer in POLLING_PEERS if peer != "cache_line" or size <= 48], block=BLOCKING_PEERS)
    for size in sizes[1:]:
        made += modes(lambda mode, peers, size=size: Line("one_way", mode, size, run_ms=run_ms, warm_ms=warm_ms, peers=peers),
                      poll=[peer for peer in POLLING_PEERS if peer not in ("cache_line", "tarn_board")],
                      block=[peer for peer in BLOCKING_PEERS if peer != "tarn_board"])
        made.append(Line("copy", "poll", size, run_ms=run_ms, peers=("bare",)))
    for readers in [1, 4] if quick else [1, 2, 4, 8, 16]:
        made.append(Line("readers", "block", 64, readers, run_ms=run_ms, warm_ms=warm_ms, peers=tuple(READER_PEERS)))
    rates = ((100, 60), (1000, 60)) if quick else ((1, 3000), (10, 1000), (100, 500), (1000, 300), (10000, 300))
    for rate, milliseconds in rates:
        made.append(Line("sleep", "block", 64, 1, rate, milliseconds, 0, peers=tuple(BLOCKING_PEERS)))
    for size in [64] if quick else [64, 64 * KIB, MIB]:
        made += modes(lambda mode, peers, size=size: Line("newest", mode, size, run_ms=run_ms, warm_ms=warm_ms, peers=peers),
                      poll=NEWEST_PEERS, block=[peer for peer in NEWEST_PEERS if peer not in ("seqlock", "python_shm")])
    made.append(Line("first", "block", 64, peers=tuple(BLOCKING_PEERS)))
    for rate in (100,) if quick else (1, 10, 100, 1000, 10000):
        made.append(Line("calls", "block", 64, 1, rate, rounds=1, peers=tuple(p for p in BLOCKING_PEERS if not p.startswith("python"))))
    made.append(Line("held", "block", 64, rounds=1, peers=tuple(BLOCKING_PEERS)))
    return made
