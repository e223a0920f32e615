# fish completion of trackteroid; written by man/generate.py
function __trackteroid_batches
    set -l home $TRACKTEROID_HOME
    if test -z "$home"
        if test (uname) = Darwin
            set home "$HOME/Library/Application Support/trackteroid"
        else if test -n "$XDG_DATA_HOME"
            set home "$XDG_DATA_HOME/trackteroid"
        else
            set home "$HOME/.local/share/trackteroid"
        end
    end
    for file in $home/spool/*/*.dbm
        set -l name (string replace -r '.*/' '' $file | string replace -r '\.dbm$' '')
        string replace -r '\..*' '' $name
        string replace -r '^[^.]*\.' '' $name
    end
end

set -l commands record inspect commit discard revert query replica sandbox doctor demo
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -l sandbox -d 'Use the demo sandbox instead of a server: short for FTRACK_SERVER=sandbox://demo.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -l version -d 'Show the version.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a record -d 'Run a script with every ftrack session deferred, and keep what it commits as one batch.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a inspect -d 'List the recorded batches, or show what one of them will do.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a commit -d 'Send recorded batches to the server, the oldest first, each in a single request.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a discard -d 'Throw away batches that wait or that the server refused: no commit takes them any more.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a revert -d 'Record what takes back a committed batch as a new batch, to be reviewed and committed.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a query -d 'Ask the server, and show the entities that it answers with.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a replica -d 'Pull a replica of what the server holds, for work without a network.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a sandbox -d 'Make, serve or reset a sandbox: an embedded ftrack server, with demo data or your own.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a doctor -d 'Check settings, server, credentials, clock, disk, batches and packages, a line each.'
complete -c trackteroid -n "not __fish_seen_subcommand_from $commands" -f -a demo -d 'Show record, inspect, commit and query on a throw-away sandbox.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -s c -x -d 'Record this Python code.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -s m -x -d 'Record this module.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l jsonl -r -F -d 'Record operations that are written one a line, as inspect BATCH --jsonl prints them. No Python is run.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l exec -d 'Record a program of any kind, such as --exec -- ./publish.sh sh010: whatever Python it runs.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l keep -x -d 'Make a batch of a recording that was interrupted, of all that it had committed.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l name -x -d 'What to call the batch. Default: the script’s name.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -s o -l output -r -F -d 'Write the batch there, not into the spool.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l offline -d 'Ask the replica on this machine (see replica), with the batches that wait laid over it, instead of the server.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l without-pending -d 'With --offline, leave out the batches that wait.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l allow-refused -d 'Where the script catches the error of what cannot be recorded, leave that out. Otherwise nothing is recorded then.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -l copy-media -d 'Keep copies of all files that the script uploads. Otherwise only of those that will not be there later, such as in temporary folders.'
complete -c trackteroid -n "__fish_seen_subcommand_from record" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from inspect" -l state -x -a 'pending committing committed failed discarded interrupted' -d 'List only the batches in this state.'
complete -c trackteroid -n "__fish_seen_subcommand_from inspect" -l json -d 'Summaries, or one summary with its operations, as JSON.'
complete -c trackteroid -n "__fish_seen_subcommand_from inspect" -l jsonl -d 'The operations of a batch, one a line: record --jsonl takes them.'
complete -c trackteroid -n "__fish_seen_subcommand_from inspect" -l check -d 'Compare a batch with the server now: what was recorded, what is there, and what the batch wants, wherever these conflict. Exit status 3 if they do.'
complete -c trackteroid -n "__fish_seen_subcommand_from inspect" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from inspect" -a "(__trackteroid_batches)"
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l dry-run -d 'Tell what would become of each batch, also of conflicts if the server answers. Sends and changes nothing.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l on-conflict -x -a 'stop skip overwrite' -d 'Where the server shows neither what the author saw nor what the batch wants: hold the batch back, send the rest, or send all the same. Default: stop.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l retries -x -d 'How often to try again when the server is out of reach or its answer is lost. Default: 3.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l timeout -x -d 'How long to wait for an answer. Default: 60.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l chunk-size -x -d 'Send so many operations in a request, for servers with limits; 0 for all in one.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l retry-failed -d 'Also take the batches that the server refused.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l server-changed -d 'Send batches also if they were recorded against another address.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l digest -x -d 'Send the one batch only if its operations are those that inspect showed with this digest, or with one that begins so.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l log-file -r -F -d 'Add a line to this file for each batch.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -l json -d 'One object with what became of every batch.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -s q -l quiet -d 'Print only what needs a person.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from commit" -a "(__trackteroid_batches)"
complete -c trackteroid -n "__fish_seen_subcommand_from discard" -l restore -d 'Bring discarded batches back: they are pending again.'
complete -c trackteroid -n "__fish_seen_subcommand_from discard" -l purge -d 'Delete for good; only batches that are discarded already. This cannot be undone.'
complete -c trackteroid -n "__fish_seen_subcommand_from discard" -l json -d 'One object with where every batch is now.'
complete -c trackteroid -n "__fish_seen_subcommand_from discard" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from discard" -a "(__trackteroid_batches)"
complete -c trackteroid -n "__fish_seen_subcommand_from revert" -l name -x -d 'What to call the new batch. Default: revert and the old name.'
complete -c trackteroid -n "__fish_seen_subcommand_from revert" -l partial -d 'Leave out what cannot be taken back, instead of doing nothing.'
complete -c trackteroid -n "__fish_seen_subcommand_from revert" -l json -d 'One object: the new batch, and what it does not bring back.'
complete -c trackteroid -n "__fish_seen_subcommand_from revert" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from revert" -a "(__trackteroid_batches)"
complete -c trackteroid -n "__fish_seen_subcommand_from query" -s f -l format -x -a 'table json jsonl csv ids' -d 'How to show the entities. Default: table.'
complete -c trackteroid -n "__fish_seen_subcommand_from query" -l limit -x -d 'Show at most so many entities.'
complete -c trackteroid -n "__fish_seen_subcommand_from query" -l offline -d 'Ask the replica on this machine (see replica), with the batches that wait laid over it, instead of the server.'
complete -c trackteroid -n "__fish_seen_subcommand_from query" -l without-pending -d 'With --offline, leave out the batches that wait.'
complete -c trackteroid -n "__fish_seen_subcommand_from query" -l reuse -d 'Reuse the answer if the same was asked a short while ago.'
complete -c trackteroid -n "__fish_seen_subcommand_from query" -l max-age -x -d 'With --reuse, how old an answer may be: 90s, 10m, 2h, 1d. Default: 1h.'
complete -c trackteroid -n "__fish_seen_subcommand_from query" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from replica && not __fish_seen_subcommand_from pull status" -f -a "pull status"
complete -c trackteroid -n "__fish_seen_subcommand_from replica && __fish_seen_subcommand_from pull" -l project -x -d 'A project to pull, with all that belongs to it; may be given several times.'
complete -c trackteroid -n "__fish_seen_subcommand_from replica && __fish_seen_subcommand_from pull" -l all-projects -d 'Pull every project.'
complete -c trackteroid -n "__fish_seen_subcommand_from replica && __fish_seen_subcommand_from pull" -l retries -x -d 'How often to try again when the server is out of reach or an answer is lost. Default: 3.'
complete -c trackteroid -n "__fish_seen_subcommand_from replica && __fish_seen_subcommand_from pull" -l json -d 'One object with what is held now.'
complete -c trackteroid -n "__fish_seen_subcommand_from replica && __fish_seen_subcommand_from pull" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from replica && __fish_seen_subcommand_from status" -l json -d 'One object, with the number of rows by type.'
complete -c trackteroid -n "__fish_seen_subcommand_from replica && __fish_seen_subcommand_from status" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && not __fish_seen_subcommand_from serve create reset list remove" -f -a "serve create reset list remove"
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from serve" -l port -x -d 'The port on the loopback interface; 0 picks a free one. Default: 8090.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from serve" -l from-replica -d 'If there is no sandbox NAME yet, make it from the replica of the configured server (see replica), with the studio’s own types and data. Nothing ever goes to that server, and the replica stays as it is.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from serve" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from create" -l schemas -r -F -d 'Give it the entity types of another server: a JSON list of schemas, as the action query_schemas answers them.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from create" -l empty -d 'Leave the demo data out; the rows that every server has are there.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from create" -l from-replica -d 'Make it from the replica of the configured server (see replica), with the studio’s own types and data. Nothing ever goes to that server, and the replica stays as it is.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from create" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from reset" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from list" -l json -d 'A list of objects, one for each sandbox.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from list" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from sandbox && __fish_seen_subcommand_from remove" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from doctor" -l json -d 'One object with every check and the exit status.'
complete -c trackteroid -n "__fish_seen_subcommand_from doctor" -s h -l help -d 'Show a summary and exit.'
complete -c trackteroid -n "__fish_seen_subcommand_from demo" -s h -l help -d 'Show a summary and exit.'
