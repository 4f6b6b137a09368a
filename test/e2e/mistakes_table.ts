/**
 * What `reeve check` says of each file of test/cases/mistakes, and its exit code; DIR is where the files are.
 * Data only.
 */

export interface Mistake {
  readonly file: string;
  readonly code: number;
  readonly says: readonly string[];
}

/** [file, exit code, lines]: the lines about differences from uWSGI are left out. */
const ROWS: readonly (readonly [string, number, ...string[]])[] = [
  [
    "01-typo-option.ini",
    2,
    '01-typo-option.ini:2: warning: unknown option "atach-daemon": did you mean "attach-daemon"?',
    "01-typo-option.ini:2: no daemon is configured: there is nothing to supervise, and this line is none: write attach-daemon = COMMAND",
  ],
  ["02-typo-key.ini", 2, '02-typo-key.ini:2: unknown key "stopsignl": did you mean "stopsignal"?'],
  [
    "03-no-section.ini",
    2,
    '03-no-section.ini: cannot find section "uwsgi": it has no section',
    '03-no-section.ini:1: warning: this line stands before any section and is ignored: write "[uwsgi]" above it',
  ],
  [
    "04-wrong-section.ini",
    2,
    '04-wrong-section.ini: cannot find section "uwsgi": it has "reeve": write "[uwsgi]", or name the section behind the file: FILE:reeve',
  ],
  ["05-missing-user.ini", 2, '05-missing-user.ini:2: unknown user "nosuchuser": it is not in /etc/passwd'],
  [
    "06-comma.ini",
    2,
    '06-comma.ini:2: cannot use "1": it has no "=": write "\\," for a comma inside a value',
  ],
  [
    "07-unclosed-quote.ini",
    2,
    '07-unclosed-quote.ini:2: cannot run "sh -c \\"sleep 90007": \'"\' is opened in it and never closed: no shell can read it',
  ],
  [
    "08-not-found.ini",
    2,
    '08-not-found.ini:2: cannot run "memcachd": not found in PATH DIR/bin:/usr/bin:/bin',
  ],
  [
    "09-relative-not-found.ini",
    2,
    '09-relative-not-found.ini:2: cannot run "./nosuch.sh": no such file in DIR, where it is started: write the whole path, or %d for the file\'s directory',
  ],
  [
    "10-notexec.ini",
    2,
    '10-notexec.ini:2: cannot run "DIR/plain.sh": it is not executable: chmod +x DIR/plain.sh',
  ],
  [
    "11-noshebang.ini",
    0,
    '11-noshebang.ini:2: note: "DIR/noshebang.sh" has no first line "#!", so /bin/sh runs it: give it the first line #!/bin/sh',
  ],
  [
    "12-badinterp.ini",
    2,
    '12-badinterp.ini:2: cannot run "DIR/badinterp.sh": the interpreter of its first line is not there: /usr/bin/nosuchpy: install it, or mend that line',
  ],
  [
    "13-crlf-script.ini",
    2,
    '13-crlf-script.ini:2: cannot run "DIR/crlf.sh": its first line ends with a carriage return, which the kernel takes for a part of it ("\\r"): sed -i \'s/\\r$//\' DIR/crlf.sh',
  ],
  ["15-directory-cmd.ini", 2, '15-directory-cmd.ini:2: cannot run "/tmp": it is a directory'],
  ["16-tabs.ini", 0],
  ["17-bom.ini", 0],
  ["18-crlf.ini", 0],
  [
    "19-same-pidfile.ini",
    2,
    '19-same-pidfile.ini:3: cannot use pidfile "DIR/m.pid" for "sleep-2": it is that of daemon "sleep" too: give each a file of its own',
  ],
  [
    "20-same-name.ini",
    2,
    '20-same-name.ini:3: name "a" is given to more than one daemon: another has it at 20-same-name.ini:2',
  ],
  ["21-pidfile-dir.ini", 2, '21-pidfile-dir.ini:2: cannot use pidfile "/tmp": it is a directory'],
  [
    "22-pidfile-nodir.ini",
    2,
    '22-pidfile-nodir.ini:2: cannot write pidfile "/tmp/nosuchdir/x.pid": no such directory: "/tmp/nosuchdir", make it first',
  ],
  [
    "23-pidfile-ro.ini",
    2,
    '23-pidfile-ro.ini:2: cannot write pidfile "DIR/ro/x.pid": no such directory: "DIR/ro", make it first',
  ],
  [
    "24-no-pidfile-word.ini",
    2,
    '24-no-pidfile-word.ini:2: warning: "sleep" is taken for the pidfile, for smart-attach-daemon2 takes "PIDFILE COMMAND": without a pidfile use attach-daemon, in the current directory write "./sleep"',
    '24-no-pidfile-word.ini:2: cannot run "90024": not found in PATH DIR/bin:/usr/bin:/bin',
  ],
  ["25-port-in-use.ini", 0],
  [
    "26-bad-signal.ini",
    2,
    '26-bad-signal.ini:2: unknown signal "TERMM" in stopsignal: give a name (TERM, SIGQUIT, RTMIN+1) or a number from 1 to 64',
  ],
  ["27-bad-number.ini", 0],
  [
    "28-negative.ini",
    2,
    '28-negative.ini:2: "stop_timeout" takes a time in seconds, or with a unit ("500ms", "10m"), not "-1"',
  ],
  [
    "29-nodaemon.ini",
    0,
    'note: skipped, as options of an application server: "socket" (29-nodaemon.ini:2)',
    "warning: no daemon is configured: there is nothing to supervise: write attach-daemon = COMMAND",
  ],
  [
    "30-empty.ini",
    2,
    '30-empty.ini: cannot find section "uwsgi": it is empty: write "[uwsgi]" and below it a line "attach-daemon = COMMAND" for each daemon',
  ],
  [
    "31-supervisor-style.ini",
    2,
    '31-supervisor-style.ini: cannot find section "uwsgi": it has "program:web", as a file of supervisord has: write "[daemon:NAME]" for each daemon, and below it a line "command = COMMAND"',
  ],
  [
    "32-no-equals.ini",
    2,
    '32-no-equals.ini:2: warning: "attach-daemon" has no value: there is no "=" in it: write "attach-daemon = sleep 90032"',
    "32-no-equals.ini:2: no daemon is configured: there is nothing to supervise, and this line is none: write attach-daemon = COMMAND",
  ],
  [
    "34-placeholder.ini",
    2,
    '34-placeholder.ini:2: warning: %(nosuch) in "attach-daemon" stands for nothing, it is left as it is: write "nosuch = VALUE" on a line of its own',
    '34-placeholder.ini:2: cannot run "sleep %(nosuch)": "(" is where no shell can read it: put what belongs together in quotes',
  ],
  [
    "35-env-syntax.ini",
    0,
    '35-env-syntax.ini:2: warning: env without "=" removes "FOO BAR": write env = FOO BAR=VALUE to set it, unenv = FOO BAR to remove it',
  ],
  ["36-chdir-file.ini", 2, '36-chdir-file.ini:2: cannot enter chdir "/etc/passwd": it is a file'],
  [
    "37-logto-dir.ini",
    2,
    '37-logto-dir.ini:2: cannot write log file "/tmp": it is a directory: name a file in it',
  ],
  [
    "38-background-amp.ini",
    2,
    '38-background-amp.ini:2: cannot run "sleep 90038 &": it ends with "&", so that the shell ends at once and nothing is left to supervise: leave the "&" out',
  ],
  ["39-daemonizing-dumb.ini", 0],
  [
    "40-dup-cmd-key.ini",
    0,
    '40-dup-cmd-key.ini:2: warning: key "cmd" is given more than once: the last value counts',
  ],
  [
    "41-cgroup.ini",
    2,
    '41-cgroup.ini:2: option "cgroup" needs control groups, which this version does not have',
  ],
  [
    "42-inline-comment.ini",
    0,
    '42-inline-comment.ini:2: warning: "; the sleeper" is a part of the command, and "the" is no program: a value goes to the end of the line, and there are no comments behind one',
  ],
  [
    "43-inline-hash.ini",
    0,
    '43-inline-hash.ini:2: warning: "# the sleeper" is a part of the command: a value goes to the end of the line, and there are no comments behind one',
  ],
  [
    "45-quoted-value.ini",
    2,
    '45-quoted-value.ini:2: cannot run "sleep 90045": the whole command is in quotes, which makes one word of it: write "sleep 90045" without them',
  ],
  [
    "46-tilde.ini",
    0,
    '46-tilde.ini:2: warning: "~" in "~/bin/worker" is the HOME of reeve\'s environment, and not that of uid: write the whole path',
  ],
  ["47-env-prefix.ini", 0],
  ["49-space-around-comma.ini", 0],
  [
    "50-daemonize-value.ini",
    2,
    "50-daemonize-value.ini:2: daemonize needs a pidfile: give the pidfile key, or leave daemonize out",
  ],
  [
    "51-uid-comment.ini",
    2,
    '51-uid-comment.ini:2: unknown user "www-data ; web user": it is not in /etc/passwd: a value goes to the end of the line, and there are no comments behind one',
  ],
  [
    "52-yaml-tab.yaml",
    2,
    "52-yaml-tab.yaml:2: cannot read this as YAML: tabs are not allowed as indentation",
  ],
  [
    "53-json-trailing.json",
    2,
    '53-json-trailing.json:1: cannot read this as JSON: the "," before "}" is one too many: leave it out',
  ],
  [
    "54-json-noext",
    2,
    '54-json-noext: cannot find section "uwsgi": it is read as INI and looks like JSON: give the file a name that ends in ".json"',
  ],
  [
    "55-yaml-noroot.yaml",
    2,
    '55-yaml-noroot.yaml: cannot find section "uwsgi": it has "attach-daemon": put the options under the key "uwsgi", indented',
  ],
  [
    "56-semicolon-in-cmd.ini",
    2,
    '56-semicolon-in-cmd.ini:2: keys are separated by ",", and not by ";": write "name=x,cmd=sleep 90056"',
  ],
  [
    "59-env-key.ini",
    2,
    '59-env-key.ini:2: unknown key "environment": write env=NAME=VALUE; env = NAME=VALUE, as an option, is for all daemons',
  ],
  [
    "60-restart-key.ini",
    2,
    '60-restart-key.ini:2: unknown key "restart": a daemon that ends is started again in any case; control=1 ends the instance with it instead, and a command that is to run once is a hook, such as exec-pre-app = COMMAND',
  ],
  [
    "61-after-key.ini",
    2,
    '61-after-key.ini:2: unknown key "after": there is no order among daemons in this version: let the command wait for what it needs, or all of them with wait-for-socket = ADDRESS or wait-for-file = PATH',
  ],
  [
    "63-log-key.ini",
    2,
    '63-log-key.ini:2: unknown key "logto": logto = FILE, as an option, takes the output of all daemons; for this one alone write cmd=exec COMMAND >>FILE 2>&1',
  ],
  [
    "64-include-missing.ini",
    2,
    '64-include-missing.ini:2: cannot read "nosuch.ini": no such file or directory (relative to "DIR")',
  ],
  [
    "65-limit-unit.ini",
    2,
    '65-limit-unit.ini:2: cannot use limit-as="100M": a number of megabytes is wanted, as in 512',
  ],
  [
    "66-uppercase.ini",
    2,
    '66-uppercase.ini: cannot find section "uwsgi": it has "UWSGI", and upper and lower case differ: write "[uwsgi]"',
  ],
  [
    "67-underscore.ini",
    2,
    '67-underscore.ini:2: warning: unknown option "attach_daemon": did you mean "attach-daemon"?',
    "67-underscore.ini:2: no daemon is configured: there is nothing to supervise, and this line is none: write attach-daemon = COMMAND",
  ],
  [
    "68-same-log-and-dup-stop.ini",
    2,
    '68-same-log-and-dup-stop.ini:3: cannot use pidfile "DIR/m.pid" for "sleep": it is reeve\'s pidfile "DIR/m.pid" too: give each a file of its own',
  ],
  [
    "68b.ini",
    2,
    '68b.ini:3: cannot use pidfile "DIR/own68.pid" for "sleep": it is reeve\'s pidfile "DIR/own68.pid" too: give each a file of its own',
  ],
  ["69-two-sections.ini", 0],
  [
    "70-env-dollar.ini",
    0,
    '70-env-dollar.ini:2: warning: no variable "NOSUCH" is set, so that $(NOSUCH) is a command to the shell, and there is none: set it, or write $(NOSUCH:-VALUE)',
  ],
  [
    "71-percent.ini",
    0,
    '71-percent.ini:2: warning: "%m" is no magic variable, it is dropped: write "%%" for a "%"',
  ],
  [
    "72-foo-typed.ini",
    0,
    '72-foo-typed.ini:2: warning: "die-on-term" is on, whatever "yess" means: write "die-on-term = true", or false',
  ],
  [
    "73-logto.ini",
    2,
    '73-logto.ini:2: cannot write log file "DIR/sm/l2": no such directory: "DIR/sm", make it first',
  ],
  [
    "74-logto-err.ini",
    2,
    '74-logto-err.ini:2: cannot write log file "DIR/sm/l2": no such directory: "DIR/sm", make it first',
    '74-logto-err.ini:3: unknown user "nosuch": it is not in /etc/passwd',
  ],
  ["75-partial.ini", 0],
  ["76-one-of-two.ini", 1, '76-one-of-two.ini:3: warning: cannot run "/nowhere/daemon": no such file'],
  [
    "77-continued.ini",
    2,
    '77-continued.ini:2: cannot run "sleep 90077 \\\\": it ends with "\\", and a line is not continued: write all of it in one line',
    '77-continued.ini:3: warning: unknown option "--more", and nothing refers to it',
  ],
  [
    "78-colon.ini",
    2,
    '78-colon.ini:2: warning: "attach-daemon" has no value: ":" stands where "=" is wanted: write "attach-daemon = sleep 90078"',
    "78-colon.ini:2: no daemon is configured: there is nothing to supervise, and this line is none: write attach-daemon = COMMAND",
  ],
  [
    "79-unit.ini",
    2,
    '79-unit.ini: cannot find section "uwsgi": it has "Unit", "Service", as a file of systemd has: write "[daemon:NAME]" for each daemon, and below it a line "command = COMMAND"',
  ],
  [
    "80-touch-nodir.ini",
    0,
    '80-touch-nodir.ini:2: warning: nobody can touch "/nowhere/touched" of touch-reload now: no such directory: "/nowhere", make it first',
  ],
];

export const MISTAKES: readonly Mistake[] = ROWS.map(([file, code, ...says]) => ({ file, code, says }));
