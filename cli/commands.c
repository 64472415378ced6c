/* cli/commands.c: the one table of commands and options. Parsing and help come from it, so that they cannot disagree. */
#include "cli.h"

#include <stddef.h>

#define FIELD(name) offsetof(cli_values, name)

/* In the order in which the help lists them. */
const cli_option cli_options[] = {
    {CLI_WAIT, 'w', "wait", CLI_IS_TIME, "TIME",
     "wait so long for the name and its first version to appear (default: not at all)", FIELD(wait_ns)},
    {CLI_FOLLOW, 'f', "follow", CLI_IS_FLAG, NULL, "write each new version as it comes, until Ctrl-C", FIELD(follow)},
    {CLI_BINARY, 0, "binary", CLI_IS_FLAG, NULL, "each message with its length in front, see above", FIELD(binary)},
    {CLI_RAW, 0, "raw", CLI_IS_FLAG, NULL, "the messages' bytes alone, nothing between them", FIELD(raw)},
    {CLI_WHOLE, 0, "whole", CLI_IS_FLAG, NULL, "each file, or all of stdin, is one message", FIELD(whole)},
    {CLI_FROM, 0, "from", CLI_IS_TEXT, "oldest|next|N", "where to begin: N is the number of a message (default: oldest)",
     FIELD(from)},
    {CLI_COUNT, 'n', "count", CLI_IS_NUMBER, "NUMBER", "end after so many messages", FIELD(count)},
    {CLI_GO_ON, 'f', "follow", CLI_IS_FLAG, NULL, "when the writer has left, wait for the next one, until Ctrl-C",
     FIELD(follow)},
    {CLI_WAIT_NAME, 'w', "wait", CLI_IS_TIME, "TIME", "wait so long for the name to appear (default: forever)", FIELD(wait_ns)},
    {CLI_TYPE, 0, "type", CLI_IS_TEXT, "TYPE", "what the bytes are, such as image/bmp (default: guessed)", FIELD(type)},
    {CLI_TAG, 0, "tag", CLI_IS_NUMBER, "NUMBER", "a number of your own that travels with it", FIELD(tag)},
    {CLI_MODE, 0, "mode", CLI_IS_MODE, "MODE", "permission bits, such as 0640 to let a group look on (default: 0600)",
     FIELD(mode)},
    {CLI_GROUP, 0, "group", CLI_IS_TEXT, "GROUP", "group of the new file, by name or number", FIELD(group)},
    {CLI_SLOTS, 0, "slots", CLI_IS_NUMBER, "NUMBER", "how many may take part at once, 1 to 2046 (default: 64)", FIELD(slots)},
    {CLI_HOLD_COUNT, 0, "hold", CLI_IS_NUMBER, "NUMBER", "versions a reader may hold at once, 1 to 15 (default: 4)",
     FIELD(hold)},
    {CLI_SIZE, 0, "size", CLI_IS_SIZE, "SIZE", "room to begin with (default: as needed)", FIELD(size_bytes)},
    {CLI_RING, 0, "size", CLI_IS_SIZE, "SIZE", "of the ring: a power of two, from 4K (default: 1M)", FIELD(size_bytes)},
    {CLI_POLICY, 0, "policy", CLI_IS_CHOICE, "wait|fail|overwrite", "what the writer does when it is full (default: wait)",
     FIELD(policy)},
    {CLI_TIMES, 0, "times", CLI_IS_FLAG, NULL, "every message carries the time at which it was sent", FIELD(times)},
    {CLI_MANY_WRITERS, 0, "many-writers", CLI_IS_FLAG, NULL, "several may send at once", FIELD(many_writers)},
    {CLI_QUEUE, 0, "queue", CLI_IS_FLAG, NULL, "each message goes to one receiver, and several may send at once", FIELD(queue)},
    {CLI_MAX_DELIVERIES, 0, "max-deliveries", CLI_IS_NUMBER, "NUMBER",
     "of a queue: then a message goes into the queue NAME.aside (default: never)", FIELD(max_deliveries)},
    {CLI_TAKEN_COUNT, 0, "hold", CLI_IS_NUMBER, "NUMBER", "of a queue: messages a receiver may have at once, 1 to 15 (default: 4)",
     FIELD(hold)},
    {CLI_TAKE, 0, "queue", CLI_IS_FLAG, NULL, "it must be a queue: each message goes to one receiver", FIELD(queue)},
    {CLI_LIMIT, 0, "limit", CLI_IS_SIZE, "SIZE", "never grow beyond this (default: what there is)", FIELD(limit_bytes)},
    {CLI_STAY, 0, "hold", CLI_IS_FLAG, NULL, "keep it open until this command is ended, and let it go then", FIELD(stay)},
    {CLI_OFFSET, 0, "offset", CLI_IS_SIZE, "SIZE", "begin so far into the map (default: 0)", FIELD(offset)},
    {CLI_LENGTH, 0, "length", CLI_IS_SIZE, "SIZE", "read so much (default: to the end)", FIELD(length)},
    {CLI_FORCE, 0, "force", CLI_IS_FLAG, NULL, "even if it is in use: its users go on among themselves, newcomers begin anew",
     FIELD(force)},
    {CLI_KIND, 0, "kind", CLI_IS_CHOICE, "any|map|board|stream", "only this one: needed where several kinds have the name", FIELD(kind)},
    {CLI_WIDTH, 0, "width", CLI_IS_NUMBER, "COLUMNS", "of a picture (default: what fits the terminal)", FIELD(width)},
    {CLI_COLORS, 0, "colors", CLI_IS_CHOICE, "auto|24bit|256|16|none", "of a picture (default: what the terminal says it can)",
     FIELD(colors)},
    {CLI_EVERY, 0, "every", CLI_IS_TIME, "TIME", "look again and again, so far apart (default: 1s)", FIELD(every_ns)},
    {CLI_LOOKS, 'n', "count", CLI_IS_NUMBER, "NUMBER", "end after so many looks", FIELD(count)},
    {CLI_PROMETHEUS, 0, "prometheus", CLI_IS_FLAG, NULL, "as metrics, in the text format of Prometheus", FIELD(prometheus)},
    {CLI_SORT, 0, "sort", CLI_IS_CHOICE, "name|rate|bytes|lag|held|size", "what comes first (default: name)", FIELD(sort)},
    {CLI_NEEDS_WRITER, 0, "writer", CLI_IS_FLAG, NULL, "it must have a writer that lives", FIELD(writer)},
    {CLI_MAX_AGE, 0, "max-age", CLI_IS_TIME, "TIME", "its newest value must not be older", FIELD(max_age_ns)},
    {CLI_MAX_LAG, 0, "max-lag", CLI_IS_NUMBER, "NUMBER", "no reader may be further behind, in messages or versions", FIELD(max_lag)},
    {CLI_DRY_RUN, 0, "dry-run", CLI_IS_FLAG, NULL, "remove nothing, say what would be removed", FIELD(dry_run)},
    {CLI_FOREIGN, 0, "foreign", CLI_IS_FLAG, NULL, "also raw maps in memory that nobody on this machine has open", FIELD(foreign)},
    {CLI_WAIT_THERE, 'w', "wait", CLI_IS_TIME, "TIME", "wait so long for the name to appear (default: not at all)",
     FIELD(wait_ns)},
    {CLI_LAYOUT, 0, "layout", CLI_IS_TEXT, "FILE", "what the bytes mean: fields with offset and type (docs/watching.md)",
     FIELD(layout)},
    {CLI_LOOK_EVERY, 0, "every", CLI_IS_TIME, "TIME", "how often to look at a map (default: 100ms)", FIELD(every_ns)},
    {CLI_CHANGES, 'n', "count", CLI_IS_NUMBER, "NUMBER", "end after so many changes; what is there at first is one",
     FIELD(count)},
    {CLI_FOR, 0, "for", CLI_IS_TIME, "TIME", "end after so long (default: never)", FIELD(for_ns)},
    {CLI_RECORDS, 'n', "count", CLI_IS_NUMBER, "NUMBER", "end after so many records", FIELD(count)},
    {CLI_SPEED, 0, "speed", CLI_IS_TEXT, "NUMBER|max", "2 is twice as fast as it was; max does not wait (default: 1)",
     FIELD(speed)},
    {CLI_VERIFY, 0, "check", CLI_IS_FLAG, NULL, "replay nothing: read all of it and say what is in it", FIELD(check)},
    {CLI_REPLACE, 0, "force", CLI_IS_FLAG, NULL, "replace a FILE that is there", FIELD(force)},
    {CLI_WORK, 0, "work", CLI_IS_TEXT, "WORK", "only this: one of round_trip, one_way, batch, hand_over, fan_out, wake, writers, writer_runs, runs_beside, queue, redelivery", FIELD(work)},
    {CLI_ROUNDS, 0, "rounds", CLI_IS_NUMBER, "NUMBER", "pairs of runs for each line (default: 5)", FIELD(rounds)},
    {CLI_RUN_TIME, 0, "time", CLI_IS_TIME, "TIME", "how long each run takes (default: 200ms)", FIELD(run_ns)},
    {CLI_TIMEOUT, 't', "timeout", CLI_IS_TIME, "TIME", "wait at most so long for whatever is in the way (default: not at all)",
     FIELD(timeout_ns)},
    {CLI_ROOM_TIMEOUT, 't', "timeout", CLI_IS_TIME, "TIME",
     "wait so long for another writer to leave (default: not at all), and for room (default: forever)", FIELD(timeout_ns)},
    {CLI_NEXT_TIMEOUT, 't', "timeout", CLI_IS_TIME, "TIME", "give up when nothing came for so long (default: never)",
     FIELD(timeout_ns)},
    {CLI_DIR, 'd', "dir", CLI_IS_TEXT, "DIRECTORY", "the channel directory (default: $TARN_DIR, or the system's)",
     FIELD(directory)},
    {CLI_JSON, 'j', "json", CLI_IS_FLAG, NULL, "reports and errors as JSON, one object a line", FIELD(json)},
    {CLI_QUIET, 'q', "quiet", CLI_IS_FLAG, NULL, "say nothing but errors", FIELD(quiet)},
    {CLI_HELP, 'h', "help", CLI_IS_FLAG, NULL, "show this", FIELD(help)},
    {0, 0, NULL, 0, NULL, NULL, 0}};

const cli_command cli_commands[] = {
    {"put",
     {{CLI_A_BOARD, "NAME", false, false}, {CLI_A_FILE, "FILE", true, false}},
     CLI_TYPE | CLI_TAG | CLI_TIMEOUT,
     run_put,
     "put a file or a pipe on a board, as its newest version",
     "  tarn put picture butterfly.bmp\n"
     "  date | tarn put now\n"
     "  tarn put config settings.json --tag 7\n",
     "The board is made if it is not there, and is then kept until it is removed. Readers see the new version\n"
     "when it is complete, and the one before until then. A file is read straight into the shared room; a pipe\n"
     "is gathered first, and so is what goes on a board that is not there yet (but a file over 256 MiB). More\n"
     "than the board's limit or the free room is refused as soon as it has come. Another writer that has the\n"
     "board is an error; --timeout waits until it leaves.\n"},
    {"get",
     {{CLI_A_BOARD, "NAME", false, false}, {CLI_A_FILE, "FILE", true, false}},
     CLI_WAIT | CLI_FOLLOW | CLI_TIMEOUT,
     run_get,
     "get the newest version of a board, into a file or a pipe",
     "  tarn get picture bitmap.bmp\n"
     "  tarn get now\n"
     "  tarn get picture frame.bmp --wait 5s\n"
     "  tarn get state --follow | grep error\n",
     "A FILE that is there is replaced when the new one is complete, and stays as it was if anything fails.\n"
     "--follow replaces it (or writes to the pipe) at each new version; versions that came and went in between\n"
     "are skipped; --timeout ends it when nothing new came for so long. Without the right to write a board it\n"
     "can still be looked at: then nothing is held in place, and the bytes are copied once more.\n"},
    {"send",
     {{CLI_A_STREAM, "NAME", false, false}, {CLI_A_FILE, "FILE", true, true}},
     CLI_WHOLE | CLI_BINARY | CLI_TAG | CLI_ROOM_TIMEOUT,
     run_send,
     "send the lines of files or of a pipe through a stream",
     "  tarn send log notes.txt\n"
     "  tail -f /var/log/syslog | tarn send log\n"
     "  tarn send notes --whole *.txt\n",
     "Each line is a message, without its newline; it goes as soon as it is there, and many go together when many\n"
     "are. The stream is made if it is not there, and is then kept until it is removed. When it is full, its policy\n"
     "counts: wait for the slowest receiver (and for the first one ever), fail, or overwrite the oldest. A message\n"
     "may be about half as long as the ring: 512K, unless `tarn create stream` made a larger one.\n"
     "With --binary a message is its length in 4 bytes, least significant first, and then its bytes; the length\n"
     "0xffffffff means that the length follows, in 8 bytes. `recv --binary` writes the same.\n"},
    {"recv",
     {{CLI_A_STREAM, "NAME", false, false}},
     CLI_FROM | CLI_COUNT | CLI_GO_ON | CLI_WAIT_NAME | CLI_NEXT_TIMEOUT | CLI_BINARY | CLI_RAW | CLI_TAKE,
     run_recv,
     "receive every message of a stream, each as a line",
     "  tarn recv log\n"
     "  tarn recv log --from next --follow | grep error\n"
     "  tarn recv log --json --count 10\n"
     "  tarn recv jobs --queue --follow | while read -r job; do work on \"$job\"; done\n",
     "It may start before `send` or after, and any number may receive: each gets every message, and holds up the\n"
     "writer if it is slow and the policy is to wait. It ends when all is received and the writer has left; for a\n"
     "name that is not there, or a stream that nobody has written to yet, it waits. If messages were overwritten\n"
     "before they were received, it says how many, and ends with code 10.\n"
     "--json writes an object for each message: number, time_ns, tag, missed (how many before it), size_bytes, and\n"
     "its bytes as text, or as base64 where they are no UTF-8. --binary puts the length of each message in front of\n"
     "it: 4 bytes, least significant first; 0xffffffff means that the length follows, in 8 bytes.\n"
     "Without the right to write a stream it can still be looked at: then the writer does not wait for it.\n"
     "Of a queue (tarn create stream --queue) each message goes to one receiver. It is done when it was written to\n"
     "stdout; if the receiver is killed before, it goes to another. --json says so: again, deliveries.\n"},
    {"create board",
     {{CLI_A_BOARD, "NAME", false, false}},
     CLI_MODE | CLI_GROUP | CLI_SLOTS | CLI_HOLD_COUNT | CLI_SIZE | CLI_LIMIT,
     run_create_board,
     "make an empty board with rights and limits of its own",
     "  tarn create board frames --mode 0660 --group video --limit 1G\n"
     "  tarn create board state --slots 500\n",
     "`put` and writers make a board by themselves; this is for what only its creation can say. The board is\n"
     "kept until it is removed. With --mode 0660 the group takes part, with 0640 it looks on.\n"},
    {"create stream",
     {{CLI_A_STREAM, "NAME", false, false}},
     CLI_RING | CLI_POLICY | CLI_SLOTS | CLI_MODE | CLI_GROUP | CLI_TIMES | CLI_MANY_WRITERS | CLI_QUEUE | CLI_MAX_DELIVERIES |
         CLI_TAKEN_COUNT,
     run_create_stream,
     "make an empty stream with a ring, a policy and rights of its own",
     "  tarn create stream log --size 16M --times\n"
     "  tarn create stream samples --policy overwrite --mode 0640 --group lab\n"
     "  tarn create stream jobs --queue --max-deliveries 5\n",
     "`send` and writers make a stream by themselves; this is for what only its creation can say. It is kept until it\n"
     "is removed. When the ring is full the writer waits for the slowest receiver (wait), is told so (fail), or goes on\n"
     "and the oldest messages are lost (overwrite). A message may be half as long as the ring, less 48 bytes.\n"
     "With --many-writers any number may send at once, in one order for all. In a queue each message goes to one\n"
     "receiver, and to another if that dies before it is done; what was delivered too often goes into NAME.aside.\n"},
    {"rm",
     {{CLI_A_NAME, "NAME", false, true}},
     CLI_FORCE | CLI_KIND,
     run_rm,
     "remove boards, streams and maps",
     "  tarn rm picture\n"
     "  tarn rm DataMap --kind map\n",
     "What a living process uses stays, and that is an error; with --force its name goes, and it is said who lost it. A raw\n"
     "map, of which no lock tells, goes in any case; those who have it open keep it.\n"},
    {"map create",
     {{CLI_A_MAP, "NAME", false, false}, {CLI_A_SIZE, "SIZE", false, false}},
     CLI_MODE | CLI_GROUP | CLI_STAY,
     run_map_create,
     "make a map: a named region of raw bytes, all zero",
     "  tarn map create DataMap 26M\n"
     "  tarn map create scratch 1G --hold\n",
     "Programs that know nothing of Tarn open it too: POSIX shm_open, Python's SharedMemory, Boost; on Windows\n"
     "OpenFileMapping. On Windows a plain name lives only while somebody has it open: there use --hold or a path.\n"},
    {"map read",
     {{CLI_A_MAP, "NAME", false, false}, {CLI_A_FILE, "FILE", true, false}},
     CLI_OFFSET | CLI_LENGTH | CLI_TIMEOUT,
     run_map_read,
     "copy the bytes of a map to a file or a pipe",
     "  tarn map read DataMap picture.bmp\n"
     "  tarn map read DataMap --offset 1K --length 16 | xxd\n",
     "Nothing says whether a map's bytes are complete at the moment; a board does.\n"},
    {"map write",
     {{CLI_A_MAP, "NAME", false, false}, {CLI_A_FILE, "FILE", true, false}},
     CLI_OFFSET | CLI_TIMEOUT,
     run_map_write,
     "copy a file or a pipe into a map",
     "  tarn map write DataMap picture.bmp\n"
     "  printf 'hello' | tarn map write DataMap --offset 64\n",
     "The map must be there and have room for all of it.\n"},
    {"map resize",
     {{CLI_A_MAP, "NAME", false, false}, {CLI_A_SIZE, "SIZE", false, false}},
     CLI_TIMEOUT,
     run_map_resize,
     "make a map longer or shorter",
     "  tarn map resize DataMap 52M\n",
     "New bytes are zero. A program that looks at a part that was cut off gets a SIGBUS.\n"},
    {"ls",
     {{CLI_A_DIRECTORY, "DIR", true, false}},
     CLI_KIND,
     run_ls,
     "list what is in the channel directory, and who has it",
     "  tarn ls\n"
     "  tarn ls /run/app\n"
     "  tarn ls --kind board -q\n"
     "  tarn ls --json\n",
     "STATE of a channel says `in use` (a living process has it: locks prove it), `kept` (it waits for the next),\n"
     "`left over` (its processes died; `tarn clean`, or the next that opens it, removes it) or `damaged`. Of a raw map\n"
     "only the system's list of processes tells (Linux): `seen in use`, `nobody seen`, or `unknown` if not every process\n"
     "could be looked into. USERS are processes; (12) is a number in another PID namespace. -q prints the names alone.\n"},
    {"stat",
     {{CLI_A_NAME, "NAME", true, true}},
     CLI_KIND | CLI_PROMETHEUS | CLI_EVERY | CLI_LOOKS,
     run_stat,
     "tell everything about boards, streams and maps, who takes part, and who holds up whom",
     "  tarn stat picture\n"
     "  tarn stat picture --every 1s\n"
     "  tarn stat picture --json\n"
     "  tarn stat --prometheus > /var/lib/node_exporter/tarn.prom\n",
     "Without a NAME: every board and stream of the directory. PROCESS in parentheses is a number in another PID\n"
     "namespace: it means nothing here. LAG is how much newer a reader has not been given yet, HOLDS how much it was given\n"
     "and has not let go: `2 for 1 s to 3 s`, `for >1 s`, `for <3 s` are what is known of how long. A writer that waits for\n"
     "room is `blocked`, and that line says for whom. docs/json.md describes --json and --prometheus.\n"},
    {"top",
     {{CLI_A_DIRECTORY, "DIR", true, false}},
     CLI_EVERY | CLI_LOOKS | CLI_SORT,
     run_top,
     "watch what flows, who is behind and who is blocked",
     "  tarn top\n"
     "  tarn top --sort rate --every 500ms\n"
     "  tarn top --count 5 --json\n",
     "The boards and streams that somebody has open: versions or messages a second, bytes a second, writers and readers,\n"
     "the largest LAG of a reader, what readers hold, what was missed, and whom a blocked writer waits for. In a terminal\n"
     "keys sort (n r b l h s), i inverts, q quits. Elsewhere, and with --count, tables one after another: one, unless\n"
     "--count or --every asks for more.\n"},
    {"check",
     {{CLI_A_NAME, "NAME", false, false}},
     CLI_KIND | CLI_NEEDS_WRITER | CLI_MAX_AGE | CLI_MAX_LAG,
     run_check,
     "tell by the exit code whether a board or stream is as it should be",
     "  tarn check picture --writer --max-age 2s\n"
     "  tarn check log --max-lag 10000 || systemctl restart receiver\n",
     "A probe for systemd, Kubernetes and scripts: 0 if the name is there, sound, and all that was asked for holds; else 9, and\n"
     "one sentence why. Other codes mean that it could not be found out (6: no permission to look). A process that is merely\n"
     "stopped is alive: --max-age notices it. Only what carries a time has an age: boards, and streams made with --times.\n"},
    {"clean",
     {{CLI_A_DIRECTORY, "DIR", true, false}},
     CLI_DRY_RUN | CLI_FOREIGN,
     run_clean,
     "remove what dead processes left behind, and nothing else",
     "  tarn clean --dry-run\n"
     "  tarn clean\n"
     "  tarn clean /dev/shm --foreign --dry-run\n",
     "Channels and maps that go with their last participant, if that died; and what was half made when its maker died. Kept\n"
     "channels stay (`tarn rm`), damaged ones too. The kernel's locks prove each death, whatever the user, container or PID\n"
     "namespace. --foreign: also raw maps in memory, whoever made them, if the kernel says that no process has them open or\n"
     "mapped. It tells so to a file's owner and to root only; what it does not tell stays, and that is said.\n"},
    {"doctor",
     {{CLI_A_DIRECTORY, "NAME|DIR", true, false}},
     0,
     run_doctor,
     "find out whether this machine, container or directory is fit, and what to do",
     "  tarn doctor\n"
     "  tarn doctor /run/app\n"
     "  tarn doctor -q || echo not here\n",
     "Tries what can be tried (a file, a mapping, locks, the barrier) and reads the settings that matter: size and rights of\n"
     "the directory, memory groups, limits, who removes files at a logout, sandboxes. Each finding is `ok`, a `note`, a\n"
     "`warning` or a `problem`, with what to do; -q shows warnings and problems only. Ends with code 9 if something is a\n"
     "problem. --json writes an object for each finding: schema (1), level, topic, found, advice.\n"},
    {"show",
     {{CLI_A_NAME, "NAME|FILE", false, false}},
     CLI_WAIT | CLI_KIND | CLI_WIDTH | CLI_COLORS | CLI_TIMEOUT,
     run_show,
     "look at a board, a map or a file: the picture, the text, or the bytes",
     "  tarn show picture\n"
     "  tarn show butterfly.bmp --width 60\n"
     "  tarn show picture --colors none\n",
     "BMP always, PNG and JPEG where their libraries were there when this was built. Colours are those of the\n"
     "terminal (COLORTERM, TERM); into a pipe, or with NO_COLOR set, the picture is made of letters.\n"},
    {"watch",
     {{CLI_A_NAME, "NAME", false, false}},
     CLI_LAYOUT | CLI_LOOK_EVERY | CLI_OFFSET | CLI_LENGTH | CLI_CHANGES | CLI_FOR | CLI_WAIT_THERE | CLI_KIND,
     run_watch,
     "follow a map, a board or a stream live, and mark what changes",
     "  tarn watch DataMap\n"
     "  tarn watch acpmf_physics --layout physics.layout --every 10ms\n"
     "  tarn watch DataMap --offset 4K --length 64 --json\n",
     "On a terminal a map or a board is shown in one place, with what changed last reversed; into a pipe, or with\n"
     "--json, each change is lines of its own. Bytes that changed have a > in front where there are no colours.\n"
     "A map is looked at every 100 ms; what comes and goes in between is not seen, and nothing says whether its bytes\n"
     "are complete, unless a field of the layout does (docs/watching.md). Nobody ever waits for a watcher. It ends when\n"
     "the map is gone or cut short. Without --layout, what is there at first is shown in its first 256 rows.\n"},
    {"record",
     {{CLI_A_NAME, "NAME", false, false}, {CLI_A_FILE, "FILE", false, false}},
     CLI_FROM | CLI_LOOK_EVERY | CLI_OFFSET | CLI_LENGTH | CLI_LAYOUT | CLI_RECORDS | CLI_FOR | CLI_REPLACE | CLI_WAIT_THERE |
         CLI_KIND,
     run_record,
     "record what a map, a board or a stream shows, with its timing",
     "  tarn record log log.rec\n"
     "  tarn record cockpit lap.rec --every 10ms --for 2m\n"
     "  tarn record frames - --count 100 | zstd > frames.rec.zst\n",
     "What is there at first is recorded too. It ends with Ctrl-C, after --count or after --for; the recording is whole\n"
     "then, and the code 0 (10 if something passed unseen). One whose recorder died can be replayed up to its last\n"
     "whole record. Of a map, what comes and goes between two looks is not seen; --layout with a field that says when\n"
     "the map is complete leaves out what is not (docs/watching.md). docs/recording.md has the format.\n"},
    {"replay",
     {{CLI_A_FILE, "FILE", false, false}, {CLI_A_NAME, "NAME", true, false}},
     CLI_SPEED | CLI_RECORDS | CLI_LAYOUT | CLI_VERIFY | CLI_ROOM_TIMEOUT,
     run_replay,
     "show a recording again, in the time it took",
     "  tarn replay log.rec\n"
     "  tarn replay lap.rec cockpit --speed 0.5\n"
     "  zstd -dc frames.rec.zst | tarn replay - copy --speed max\n"
     "  tarn replay log.rec --check\n",
     "NAME is by default what was recorded. It is made if it is not there, and is then kept until it is removed. Every\n"
     "record is checked before it is used; where a recording is damaged or cut off, the replay ends with code 7, and\n"
     "all records before have been replayed. With the --layout of a map, what says that it is complete is written last.\n"},
    {"bench stream",
     {{0, NULL, false, false}},
     CLI_WORK | CLI_ROUNDS | CLI_RUN_TIME,
     run_bench_stream,
     "measure streams on this machine, against the bare limit",
     "  tarn bench stream\n"
     "  tarn bench stream --work round_trip --rounds 21\n"
     "  tarn bench stream --json > results.jsonl\n",
     "Two processes on two processors; runs of Tarn and of a bare loop alternate, and the ratio is the median over\n"
     "neighbouring runs, with its smallest and largest in parentheses. An idle machine gives steady ratios.\n"
     "docs/performance.md says what each line does. Linux only.\n"},
    {"bench board",
     {{0, NULL, false, false}},
     CLI_WORK | CLI_ROUNDS | CLI_RUN_TIME,
     run_bench_board,
     "measure boards on this machine, against the bare limit",
     "  tarn bench board\n",
     "As bench stream: a value is put on one board, read in place on the other side, and comes back on a second.\n"},
    {"help",
     {{CLI_A_COMMAND, "COMMAND", true, true}},
     0,
     run_help,
     "show how a command is used",
     "  tarn help\n"
     "  tarn help map create\n",
     ""},
    {NULL, {{0, NULL, false, false}}, 0, NULL, NULL, NULL, NULL}};
