"""What the man pages of section 1 say beyond the definitions of the commands."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

#: The date in the footer of each page.
DATE = "2026-11-21"

#: A paragraph, or a term and what it means. What stands in backticks is code.
Paragraph: TypeAlias = "str | tuple[str, str]"


@dataclass(frozen=True)
class Example:
    """A command line that works as it stands, and what it is for."""

    line: str
    text: str
    status: int = 0


@dataclass(frozen=True)
class Texts:
    """What one page says beyond the definition of its command."""

    environment: tuple[str, ...]
    files: dict[str, str]
    examples: tuple[Example, ...]
    see_also: tuple[str, ...]
    description: tuple[Paragraph, ...] = ()
    sections: dict[str, tuple[Paragraph, ...]] = field(default_factory=dict)
    exit_status: tuple[str, ...] = ()


ENVIRONMENT = {
    "FTRACK_SERVER": "URL of the ftrack server, or `sandbox://NAME` for an embedded one.",
    "FTRACK_API_KEY": "The API key; a sandbox needs none.",
    "FTRACK_API_USER": "The user to act as; the name of the login if it is not set.",
    "TRACKTEROID_HOME": "The folder of all local state: batches, sandboxes, replicas and caches. "
    "Default: the platform's folder for user data.",
    "TRACKTEROID_CONFIG": "The settings file, instead of `config.toml` in the platform's folder "
    "for settings. It sets what the variables of the server leave open.",
    "TRACKTEROID_OFFLINE": "`1`: ask the replica on this machine, and no server.",
    "TRACKTEROID_WITHOUT_PENDING": "`1`: offline, leave out the batches that wait.",
    "TRACKTEROID_RELATIONSHIPS": "A file of relations between entity types for scripts, instead of "
    "`relationships.json` or `relationships.toml` beside the settings file.",
    "NO_COLOR": "No colour on a terminal.",
}

_SERVER = ("FTRACK_SERVER", "FTRACK_API_KEY", "FTRACK_API_USER", "TRACKTEROID_CONFIG")
_LOCAL = ("TRACKTEROID_HOME", "NO_COLOR")
_OFFLINE = ("TRACKTEROID_OFFLINE", "TRACKTEROID_WITHOUT_PENDING")

#: Exit statuses that no error of the package has.
EXIT_STATUS = {130: "Interrupted from the keyboard."}

_PENDING = {"$TRACKTEROID_HOME/spool/pending": "Batches that wait to be committed."}
_SPOOL = {
    "$TRACKTEROID_HOME/spool/STATE": "The batches of each state: `pending`, `committing`, "
    "`committed`, `failed`, `discarded`.",
    "$TRACKTEROID_HOME/spool/media/ID": "Copies of what the batch ID uploads. It is there, empty "
    "or not, as long as a batch has uploads or follow-ups that are not done.",
}
_RECORDINGS = {
    "$TRACKTEROID_HOME/recordings/ID": "A recording, while its script runs or after it was "
    "interrupted."
}
_ANSWERS = {"$TRACKTEROID_HOME/cache": "Schemas and answers of each server."}
_REPLICAS = {"$TRACKTEROID_HOME/replicas": "The replica of each server."}
_SANDBOXES = {
    "$TRACKTEROID_HOME/sandboxes/NAME.sqlite": "The sandbox NAME.",
    "$TRACKTEROID_HOME/sandboxes/NAME.media": "The files that were uploaded to it.",
    "$TRACKTEROID_HOME/sandboxes/NAME.json": "What it was made as, unless it was the demo data.",
}
_CONFIG = {
    "~/.config/trackteroid/config.toml": "The settings file on Linux; `trackteroid doctor` prints "
    "where it is on this machine."
}

TEXTS = {
    "trackteroid": Texts(
        description=(
            "A recorded script runs as it is: whatever uses the official `ftrack_api` can be "
            "recorded. Its operations become one batch in a file. People review the batch as they "
            "would review a diff. Later the batch is committed in a single request, and only once: "
            "by hand, from cron, from another machine, or after the server is back.",
            "Results go to standard output, everything about the run to standard error. On a "
            "terminal, lists are tables with headings and colour; in a pipe they are plain lines "
            "with tabs. `--json` prints JSON where a program reads.",
            "An error says what happened, why, and what to do next. With `--json` the error is "
            "also an object on standard output; see `trackteroid-batch`(5).",
        ),
        sections={
            "WORDS": (
                ("operation", "One create, update or delete of one entity."),
                (
                    "batch",
                    "All operations of one recording for one server, in order: one `.dbm` file. "
                    "On a command line, BATCH is an id, a unique beginning of one, or a name; "
                    "FILE is the path of a batch file.",
                ),
                ("spool", "The folder of batches, by state."),
                (
                    "conflict",
                    "The server's value is neither what the batch's author saw nor what the batch "
                    "sets.",
                ),
                (
                    "sandbox",
                    "An embedded ftrack with demo data. It needs no server, no key and no "
                    "network. To serve it over HTTP takes optional packages: `pip install "
                    "'trackteroid-cli[sandbox]'`.",
                ),
                (
                    "replica",
                    "An embedded ftrack that is filled from your server, for work without a "
                    "network. It needs the same packages.",
                ),
            ),
            "COMPARED WITH COMMITTING DIRECTLY": (
                (
                    "The server is slow or down",
                    "Directly, the script fails and its work is lost. With `record` and `commit` "
                    "the work waits; `commit` sends it when the server is back.",
                ),
                (
                    "The answer is lost",
                    "Directly, nobody knows; run it again, and it may be there twice. The next "
                    "`commit` asks the server first, and sends nothing twice.",
                ),
                (
                    "Somebody changed the same meanwhile",
                    "Directly, their change is overwritten in silence. `commit` holds the batch "
                    "back and shows the three values.",
                ),
                (
                    "Before it happens",
                    "Directly, nobody sees what a script will do. `inspect` shows it, with old "
                    "values and names.",
                ),
                (
                    "Several commits in one script",
                    "Directly, each goes out by itself, and a failure leaves half. A batch is one "
                    "request: all or nothing.",
                ),
                (
                    "Cost to the script",
                    "Directly, it waits for the server at every commit. While recorded, it costs a "
                    "few per cent of CPU and no waiting.",
                ),
                (
                    "Values that only the server knows",
                    "Directly, they are there after the commit. With `record`, they are there "
                    "after the batch is committed.",
                ),
            ),
        },
        files={**_CONFIG, **_SPOOL, **_SANDBOXES, **_REPLICAS, **_ANSWERS},
        environment=(*_SERVER, "TRACKTEROID_HOME", *_OFFLINE, *list(ENVIRONMENT)[-2:]),
        exit_status=(
            "`record` passes a script's own exit status through.",
            "75 is for what passes by itself. 78 is also for what a person must see to, as trying "
            "again does not help: a server's name that does not resolve, a certificate that is not "
            "trusted, a proxy that refuses, a redirect, a page in place of an answer. Batches stay "
            "in both cases.",
        ),
        examples=(
            Example("trackteroid demo", "See the whole story on a throw-away sandbox:"),
            Example(
                "trackteroid --sandbox record publish.py sq010 sh030",
                "Record a script against the demo sandbox:",
            ),
            Example("trackteroid --sandbox commit", "Commit what waits for it:"),
            Example("trackteroid --version", "Print the version:"),
        ),
        see_also=(
            "trackteroid-record(1)",
            "trackteroid-inspect(1)",
            "trackteroid-commit(1)",
            "trackteroid-discard(1)",
            "trackteroid-revert(1)",
            "trackteroid-query(1)",
            "trackteroid-replica(1)",
            "trackteroid-sandbox(1)",
            "trackteroid-doctor(1)",
            "trackteroid-demo(1)",
            "trackteroid-batch(5)",
            "trackteroid-settings(5)",
            "trackteroid-cron(7)",
            "trackteroid-offline(7)",
            "trackteroid-python(7)",
        ),
    ),
    "trackteroid-record": Texts(
        description=(
            "A script that uses several servers leaves one batch for each. With `-o` the second "
            "one is written to FILE with `-2` before its ending.",
            "If the package `trackteroid` is not installed, `import trackteroid` in a recorded "
            "script gives the API of `trackteroid-python`(7).",
        ),
        sections={
            "WHAT IS RECORDED": (
                "Creates, updates and deletes, in the order of the script's commits. Updates are "
                "those of scalars, dates, references, collections, metadata, custom attributes and "
                "links.",
                "A raw `session.call` of creates, updates and deletes is a commit of its own. It "
                "gets the answers of a server, also where queries are mixed in.",
                "What a plug-in of `ftrack_api` commits while a session is made, before what the "
                "script commits.",
                "The script reads back what it wrote: its queries see what it has committed, with "
                "or without a network, in conditions, orders, sums and collections. `rollback()` "
                "forgets what came after the last `commit()`.",
                "A query whose answer cannot be told is refused: one that reads more than 20,000 "
                "rows that the script has changed or that depend on them (any entity depends on "
                "custom attributes that the script has configured), and a search by words. What "
                "was read once is not read again while the script runs.",
                "What the script leaves uncommitted is not in the batch, and a note says so.",
            ),
            "UPLOADS AND EVENTS": (
                "What the script adds to the location of the server (`ftrack.server`), also by "
                "`create_thumbnail` or as the attachment of a note, is uploaded by the commit, "
                "before the batch is sent. The script reads it back at once.",
                "A file stays where it is, and the batch has its path, size and digest: whoever "
                "commits must be able to read it there, unchanged. Files in temporary folders "
                "(`/tmp`, `/var/tmp`, `/dev/shm`, and those that Python, `TMPDIR`, `TEMP` and "
                "`TMP` name), those that no disk location gives, what the script writes itself, "
                "and what programs that it starts upload are copied, and with `--copy-media` all "
                "are. The copies lie with the batch; of one in a file, `-o FILE`, in `FILE.media`. "
                "To carry it to another machine, record with `--copy-media`, and carry both. A "
                "note tells which files were changed or removed before the script ended.",
                "Any other location, such as one of a studio's plug-in, takes its files at once, "
                "as in a direct run: they do not go to the server. The batch has their entries.",
                "What `event_hub.publish` publishes, media to encode, invitations, and files that "
                "are removed from the server are kept in order. They follow once the batch has "
                "landed, each once. With `--offline` the event hub connects to nothing: what is "
                "published is kept, and there is nothing to wait for.",
                "`encode_media` returns a job that is `queued`. The server begins that job at the "
                "commit, with another id: to ask for it or for other jobs from then on is refused. "
                "So are an event that waits for a reply (`on_reply`), and a reply: nobody will "
                "wait for it then.",
            ),
            "PROCESSES": (
                "The script runs in a process of its own. What it forks or starts records as well: "
                "threads, workers of `multiprocessing`, programs that it starts, and what these "
                "start. Each commit is on the disk before it returns; the batch has them in the "
                "order in which they were made, and every process sees them.",
                "With `--exec` the program may be of any kind: a shell script, a render "
                "application, `pytest`. The Python processes among those that it starts record, in "
                "any Python from 3.7 on with `ftrack_api` and nothing of ours: the environment "
                "names a folder with what they need (see TRACKTEROID_RECORDING in "
                "`trackteroid-settings`(5)). If `ftrack_api` finds no settings of its own, it gets "
                "those of `trackteroid`.",
                "A Python that would not look there is refused: one that is started with `-I`, "
                "`-E` or `-S`, or with an environment of its own. Only what another program than "
                "Python starts so, such as a shell script that calls `python -I`, is not noticed, "
                "and a client of ftrack that is not written in Python.",
                "A process that commits after the script has ended is refused. A script may call "
                "`trackteroid record`, which makes a recording of its own.",
                "What a question has brought from the server is kept by each process for itself, "
                "and so are the ids of what a server makes besides.",
            ),
            "HOW A RUN ENDS": (
                "With exit status 0, by any road, such as `os._exit`: what was committed is a "
                "batch, for each server one.",
                "In any other way, by a signal too: there is no batch. If anything was committed, "
                "a note says how much, and the recording is kept: `record --keep ID` makes its "
                "batch all the same, `trackteroid discard ID` forgets it. `record` ends as the "
                "script does. It passes signals on.",
                "If `record` itself is killed, or the machine stops, `inspect` lists the recording "
                "as `interrupted`, and the same two commands settle it. `commit` never sends it.",
                "On a terminal a line tells every ten seconds how far the recording is.",
            ),
            "WHAT ONLY THE SERVER KNOWS": (
                "The number of a new version, a status or a type that the script leaves to the "
                "server, and who created something are shown as the server would set them now. If "
                "the script has read one of them, it is marked as provisional in the batch. "
                "`commit` tells which of them the server has set otherwise, and where the batch "
                "has the old number in a text, such as `v003`.",
                "Moments, such as `created_at`, are those of the recording. The server sets those "
                "of the commit, and nothing is told of it.",
                "What a server makes besides, such as the entry of a change of status, can be read "
                "and has another id on the server; a change that names this id is refused.",
            ),
            "WHAT IS NOT RECORDED": (
                "What cannot be kept for later is refused at the line that asks for it: a new API "
                "key, a job on the server, what waits for an answer that only the commit brings, a "
                "value that has no JSON form.",
                "If the script, or a library that it uses, catches that error and goes on, nothing "
                "is recorded, and the exit status is 1: the message names each line and what it "
                "asked for. With `--allow-refused` the rest is recorded. What was refused is left "
                "out whole, and a note lists it.",
                "An API key never enters a batch: in the recorded arguments it is replaced by "
                "`***`.",
            ),
        },
        files={**_PENDING, **_RECORDINGS},
        environment=(*_SERVER, "TRACKTEROID_HOME", *_OFFLINE, "TRACKTEROID_RELATIONSHIPS"),
        exit_status=("The script's own exit status, whatever it is, if a script is recorded.",),
        examples=(
            Example(
                "trackteroid record publish.py --shot sh010",
                "Record a script with its arguments:",
            ),
            Example(
                "trackteroid record -c 'import ftrack_api; ftrack_api.Session()'",
                "Record code; this one changes nothing, so there is no batch:",
            ),
            Example(
                "trackteroid record -m publishing --shot sh010",
                "Record a module, as `python -m` runs it:",
            ),
            Example(
                "trackteroid record --name nightly - < publish.py",
                "Record a script from standard input, under a name of your own:",
            ),
            Example(
                "trackteroid record -o publish.dbm publish.py",
                "Write the batch to a file, to be carried to another machine:",
            ),
            Example(
                "trackteroid inspect publish --jsonl | trackteroid record --jsonl -",
                "Record the operations of another batch once more:",
            ),
            Example(
                "trackteroid record --offline publish.py",
                "Record without a network, on the replica:",
            ),
            Example(
                "trackteroid record --allow-refused publish.py",
                "Leave out what cannot be recorded, where the script can do without:",
            ),
            Example(
                "trackteroid record --exec -- ./publish.sh sh010",
                "Record whatever Python a shell script runs:",
            ),
            Example(
                "trackteroid record --keep 20260131-134501-417k2f",
                "Make the batch of a script that failed, as far as it got:",
            ),
            Example(
                "trackteroid record missing.py",
                "There is no such script.",
                status=4,
            ),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-inspect(1)",
            "trackteroid-commit(1)",
            "trackteroid-batch(5)",
            "trackteroid-settings(5)",
            "trackteroid-offline(7)",
            "trackteroid-python(7)",
        ),
    ),
    "trackteroid-inspect": Texts(
        description=(
            "The list is in recorded order. On a terminal and in a pipe it has the latest twenty "
            "committed batches only; `--json` lists them all. Recordings that were interrupted "
            "come last; one that is named is shown as the batch that it would become.",
            "The review shows each entity that the batch changes: `+` for a new one, `~` for a "
            "changed one with old and new values, `-` for a deleted one. It tells who recorded the "
            "batch, when, where and for which server; of a batch that was recorded offline also "
            "how old the replica was and which batches it was built on. A value that is "
            "provisional was read by the script, and is left to the server.",
            "Below a deleted entity stands what the server deletes along with it: the number of "
            "entities of each type, and their names. That is how it was when the batch was "
            "recorded; `--check` and `commit` compare it with what is there then. Of a committed "
            "batch, what was left out because of conflicts is marked.",
            "Ends of lines, control characters and what nobody sees are shown as escapes such as "
            "`\\x1b` in the texts of a batch, whoever it is from. JSON has escapes of its own.",
            "`trackteroid-batch`(5) has the keys of `--json` and `--jsonl`.",
        ),
        files={**_SPOOL, **_RECORDINGS},
        environment=(*_SERVER, *_LOCAL),
        examples=(
            Example("trackteroid inspect", "List the batches:"),
            Example(
                "trackteroid inspect --state failed --json",
                "List what the server refused, for a program:",
            ),
            Example("trackteroid inspect publish", "Review a batch:"),
            Example("trackteroid inspect ./publish.dbm", "Review a batch in a file:"),
            Example("trackteroid inspect publish --check", "Compare a batch with the server:"),
            Example(
                "trackteroid inspect edited --check",
                "The same, where somebody else has changed a value since.",
                status=3,
            ),
            Example(
                "trackteroid inspect publish --jsonl",
                "Print its operations, one a line:",
            ),
            Example("trackteroid inspect nothing", "There is no such batch.", status=4),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-record(1)",
            "trackteroid-commit(1)",
            "trackteroid-discard(1)",
            "trackteroid-batch(5)",
        ),
    ),
    "trackteroid-commit": Texts(
        sections={
            "PROMISES": (
                (
                    "Once.",
                    "Before it sends, `commit` asks the server what it holds. Entities that a "
                    "batch creates and that exist, values that are as wanted, deleted entities "
                    "that are gone: these are not sent again. So a time-out, a killed process or a "
                    "second cron never doubles anything.",
                ),
                (
                    "Nobody's newer work is lost.",
                    "For every change, the value when it was recorded, the value now and the "
                    "wanted one are compared. Where the server shows something else than the "
                    "author saw, the batch is held back with exit status 3, and others go on. "
                    "So it is where a delete would delete what somebody has changed or added "
                    "since: the entity itself, and all that the server deletes along with it. "
                    "`trackteroid inspect BATCH --check` shows the three values. "
                    "`--on-conflict skip` sends the rest and says what it left out, "
                    "`--on-conflict overwrite` sends all. "
                    "What an earlier batch of the same machine has set is nobody else's work, and "
                    "may be changed again.",
                ),
                (
                    "In order.",
                    "Batches go in recorded order. One that needs an entity of an earlier batch "
                    "that has not landed waits behind it; others go on.",
                ),
                (
                    "Patient.",
                    "A server that is out of reach, or that asks for fewer requests, is tried "
                    "again (`--retries`) with growing waits. A refusal is never tried again: the "
                    "batch moves to `failed` with the server's words, and "
                    "`commit --retry-failed` takes it up after a repair.",
                ),
            ),
            "WHAT BECOMES OF A BATCH": (
                "A batch that the server has moves to `committed`. One that it refused moves to "
                "`failed`. One that is held back, waits, or did not reach the server stays "
                "`pending`. A batch that a killed process left in `committing` is taken up by "
                "the next commit.",
                "If several batches end in different ways, the exit status is the largest of "
                "theirs.",
                "A batch in a file stays where it is; what became of it is written into its "
                "journal.",
                "Whatever is wrong with one batch concerns that batch: it is told, and the others "
                "go on. Of several files with one id none is sent: nobody knows which is meant.",
                "SIGINT and SIGTERM end a commit at once, unless a request that writes is on its "
                "way: that is finished and settled first. A second signal ends it in any case.",
            ),
            "FILES, EVENTS AND REQUESTS": (
                "What a batch uploads is looked at before anything is sent. A file that is gone, "
                "or has other content than when it was recorded, holds the batch back with exit "
                "status 3. Then the files are uploaded, several at once, large ones in parts; what "
                "the server has already is not sent again, and an upload that was cut off goes on "
                "with the parts that are missing. The operations are sent once all files are "
                "there, and compared with the server again before. Copies in the spool are removed "
                "once all is done; those beside a file of yours stay.",
                "What a batch asks for afterwards, its follow-ups, is done in order once it has "
                "landed: events are published, media encoded, invitations sent, files removed. "
                "Each is done once. Where a commit was killed, or an answer lost, and the server "
                "cannot tell whether it was done, it is not done again, and said so with exit "
                "status 1: a mail cannot be taken back.",
                "If a follow-up cannot be done now, the batch is committed all the same, the exit "
                "status is 75, and the next commit goes on from there. `discard` gives up what is "
                "left. One that the server refuses is told with exit status 1; the others are "
                "done.",
            ),
        },
        files={
            **_SPOOL,
            "the file of --log-file": "One JSON object a line for each batch; see "
            "`trackteroid-batch`(5).",
        },
        environment=(*_SERVER, "TRACKTEROID_HOME"),
        examples=(
            Example("trackteroid commit --dry-run", "See what would become of each batch:"),
            Example("trackteroid commit publish --dry-run", "The same for one batch:"),
            Example("trackteroid commit publish", "Commit one batch:"),
            Example("trackteroid commit ./publish.dbm", "Commit a batch in a file:"),
            Example("trackteroid commit", "Commit all that wait; again does no harm:"),
            Example(
                "trackteroid commit --quiet --log-file commit.log",
                "From cron: print only what needs a person, and keep a log:",
            ),
            Example(
                "trackteroid commit edited",
                "A batch is held back, since somebody else has changed a value.",
                status=3,
            ),
            Example(
                "trackteroid commit edited --on-conflict skip",
                "Send the rest of it:",
            ),
            Example(
                "trackteroid commit --retry-failed --json",
                "After a repair, try again what the server refused:",
            ),
            Example(
                "FTRACK_SERVER=http://127.0.0.1:1 FTRACK_API_KEY=key \\\n"
                "    trackteroid commit --server-changed --retries 0 nightly",
                "No server answers there; the batch stays.",
                status=75,
            ),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-inspect(1)",
            "trackteroid-revert(1)",
            "trackteroid-discard(1)",
            "trackteroid-batch(5)",
            "trackteroid-cron(7)",
        ),
    ),
    "trackteroid-discard": Texts(
        files={
            "$TRACKTEROID_HOME/spool/discarded": "Discarded batches, until they are purged.",
            **_RECORDINGS,
        },
        environment=_LOCAL[:1],
        examples=(
            Example("trackteroid discard publish", "Throw a batch away:"),
            Example("trackteroid inspect --state discarded", "List what is thrown away:"),
            Example("trackteroid discard --restore publish", "Bring it back:"),
            Example(
                "trackteroid discard publish nightly --json",
                "Throw several away, for a program:",
            ),
            Example(
                "trackteroid discard --purge publish nightly",
                "Delete them for good:",
            ),
            Example(
                "trackteroid discard committed",
                "The server has it: it cannot be discarded, but reverted.",
                status=1,
            ),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-inspect(1)",
            "trackteroid-commit(1)",
            "trackteroid-revert(1)",
            "trackteroid-batch(5)",
        ),
    ),
    "trackteroid-revert": Texts(
        files=_SPOOL,
        environment=_LOCAL[:1],
        examples=(
            Example("trackteroid revert publish", "Record the inverse of a committed batch:"),
            Example(
                "trackteroid inspect --check 'revert publish'",
                "Review it, and compare it with the server:",
            ),
            Example("trackteroid commit 'revert publish'", "Send it:"),
            Example(
                "trackteroid revert nightly --name back --partial --json",
                "Leave out what cannot be taken back, for a program:",
            ),
            Example("trackteroid revert edited", "It is not committed yet.", status=1),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-inspect(1)",
            "trackteroid-commit(1)",
            "trackteroid-discard(1)",
            "trackteroid-batch(5)",
        ),
    ),
    "trackteroid-query": Texts(
        description=(
            "An expression that is a type's name alone, or a type with `where`, shows the type's "
            "default attributes. On a terminal a table has headings; in a pipe the values of an "
            "entity are a line with tabs. Control characters are shown as escapes, also in CSV; "
            "only JSON tells them from such a text.",
            "`--reuse` keeps answers on disk and reuses them for up to an hour, or as long as "
            "`--max-age` says; a note says how old the answer is. A commit forgets them.",
            "With `--offline`, a question about something that was not pulled is refused with the "
            "`replica pull` command to run; see `trackteroid-offline`(7).",
        ),
        files={**_ANSWERS, **_REPLICAS},
        environment=(*_SERVER, "TRACKTEROID_HOME", *_OFFLINE, "NO_COLOR"),
        examples=(
            Example("trackteroid query Project", "List the projects:"),
            Example(
                "trackteroid query 'select name, parent.name from Shot' --limit 20",
                "Choose the attributes and the entities:",
            ),
            Example("trackteroid query Shot --format ids", "Print ids, for another command:"),
            Example(
                "trackteroid query 'Task where status.name is \"Completed\"' -f jsonl",
                "One entity a line, as JSON:",
            ),
            Example(
                "trackteroid query Status --reuse --max-age 10m",
                "Do not ask again for ten minutes:",
            ),
            Example(
                "trackteroid query --offline 'Shot where parent.name is \"sq010\"'",
                "Ask the replica:",
            ),
            Example("trackteroid query Shots", "There is no such entity type.", status=2),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-replica(1)",
            "trackteroid-batch(5)",
            "trackteroid-settings(5)",
            "trackteroid-offline(7)",
        ),
    ),
    "trackteroid-replica": Texts(
        files={
            **_REPLICAS,
            "$TRACKTEROID_HOME/replicas/SERVER/current": "The name of the file in use; a pull "
            "writes a new file and then names it here.",
        },
        description=(
            "A replica is asked with the option `--offline` of `record` and `query`. Nothing on "
            "the server is ever changed by a pull.",
        ),
        environment=(*_SERVER, *_LOCAL),
        examples=(
            Example(
                "trackteroid replica pull --project salt_and_ember",
                "Pull a project, with all that belongs to it:",
            ),
            Example(
                "trackteroid replica pull 'Shot where name is \"sh010\"'",
                "Pull what an expression selects:",
            ),
            Example(
                "trackteroid replica pull",
                "Bring all that is held up to date; also for cron:",
            ),
            Example("trackteroid replica pull --all-projects --json", "Pull every project:"),
            Example("trackteroid replica status", "See what is held, and how old it is:"),
            Example("trackteroid replica status --json", "The same for a program:"),
            Example(
                "trackteroid replica pull --project nothing",
                "There is no such project.",
                status=4,
            ),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-record(1)",
            "trackteroid-query(1)",
            "trackteroid-batch(5)",
            "trackteroid-offline(7)",
        ),
    ),
    "trackteroid-sandbox": Texts(
        description=(
            "A sandbox is made, with its demo data, when it is first used. It needs no serving to "
            "be used on this machine: set `FTRACK_SERVER=sandbox://NAME`, or use the global option "
            "`--sandbox` for the one named demo. Serve it for tools that speak HTTP, such as a "
            "script that uses `ftrack_api` without trackteroid.",
            "Scripts, and pages with ftrack's JavaScript client, upload files to its location "
            "ftrack.server, read them back and remove them. It scales pictures for thumbnails and "
            "reviews, which takes the optional packages also without serving. It has no encoder: "
            "`encode_media` hands on a .mp4, .mov or .webm as it is, and the job of any other "
            "movie fails and says so. What an upload leaves behind whose component never came is "
            "removed after three days.",
            "A served sandbox has an event hub, as ftrack has: scripts connect to it, subscribe, "
            "publish and reply, and hear `ftrack.update` of what every request changed, that of "
            "`trackteroid commit` among them. What a process changes at `sandbox://NAME`, beside "
            "the server, nobody hears. A sandbox that is not served has no hub.",
            "It answers programs of this machine, and web pages that come from this machine, on "
            "whichever port; pages of other servers are refused.",
            "`create` makes one that holds something else. With `--schemas` it has the entity "
            "types of another server, a studio's own object types among them. With `--empty` it "
            "has none of the demo data, but what every server has: object types, statuses, "
            "workflows, locations, and the sandbox's own user, an administrator.",
            "With `--from-replica`, for `create` and for `serve`, it is a copy of the replica of "
            "the configured server (see `trackteroid replica`): a server to try things on, with "
            "the studio's own types and data. Nothing that happens there reaches that server, and "
            "the replica stays as it is. What was not pulled does not exist there. The key of the "
            "sandbox opens it for every user that was pulled; no other key does. A sandbox that "
            "was made so is kept, with what was changed in it, when it is served again; `reset` "
            "makes it anew from what the replica holds by then. Files are not part of a replica: "
            "where the studio keeps them on disks of its own, a script that publishes to the "
            "sandbox writes to these disks.",
            "What a user may write follows from their security roles, in a sandbox that is not a "
            "copy of a replica: the sandbox's own user may write everything, another user what "
            "belongs to the projects that they have a role on. A write that is forbidden is "
            "refused with ftrack's error. No invitation leaves a sandbox: it is accepted, and "
            "nobody gets a mail.",
        ),
        files=_SANDBOXES,
        environment=_LOCAL[:1],
        examples=(
            Example(
                "trackteroid sandbox serve --port 0 > sandbox.env &",
                "Serve the sandbox demo on a free port, in the background:",
            ),
            Example(
                "sleep 3; . ./sandbox.env; trackteroid query Project",
                "Use it from the same shell:",
            ),
            Example("kill %1", "Stop it:"),
            Example(
                "FTRACK_SERVER=sandbox://mine trackteroid query Project",
                "Use a sandbox of another name, without serving it:",
            ),
            Example("trackteroid sandbox reset mine", "Put it back to the demo data:"),
            Example("trackteroid sandbox create blank --empty", "Make one without the demo data:"),
            Example("trackteroid sandbox list", "See which there are:"),
            Example("trackteroid sandbox remove blank", "Remove it:"),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-demo(1)",
            "trackteroid-replica(1)",
            "trackteroid-settings(5)",
        ),
    ),
    "trackteroid-doctor": Texts(
        description=(
            "It prints where the settings file is, and where each setting comes from. Run it as "
            "the user, and with the environment, that is in trouble: cron has another one than "
            "your terminal.",
        ),
        files={**_CONFIG, **_SPOOL, **_REPLICAS},
        environment=(*_SERVER, *_LOCAL, "TRACKTEROID_OFFLINE"),
        examples=(
            Example("trackteroid doctor", "Check this machine:"),
            Example("trackteroid doctor --json", "The same for a program:"),
            Example(
                "FTRACK_SERVER= trackteroid doctor",
                "No server is configured.",
                status=78,
            ),
        ),
        see_also=(
            "trackteroid(1)",
            "trackteroid-batch(5)",
            "trackteroid-settings(5)",
            "trackteroid-cron(7)",
        ),
    ),
    "trackteroid-demo": Texts(
        description=(
            "The sandbox is a folder for temporary files, removed at the end. The last line says "
            "how to try your own script.",
        ),
        files={"/tmp/trackteroid-demo-*": "The throw-away sandbox, while the demo runs."},
        environment=("NO_COLOR",),
        examples=(Example("trackteroid demo", "See the whole story:"),),
        see_also=(
            "trackteroid(1)",
            "trackteroid-record(1)",
            "trackteroid-commit(1)",
            "trackteroid-sandbox(1)",
        ),
    ),
}
