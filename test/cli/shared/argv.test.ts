import { describe, expect, test } from "bun:test";
import { type CommandLine, parseCommandLine } from "../../../lib/cli/shared/argv.ts";
import { ConfigError } from "../../../lib/config/diagnostic.ts";
import { formatOrigin } from "../../../lib/config/origin.ts";

function options(...argv: string[]): string[] {
  return parseCommandLine(argv).options.map(({ name, value }) => `${name}=${value}`);
}

function problems(...argv: string[]): string[] {
  try {
    parseCommandLine(argv);
  } catch (problem) {
    if (problem instanceof ConfigError) return problem.diagnostics.map(({ text }) => text);
    throw problem;
  }
  return [];
}

describe("options", () => {
  test("take their value from the same word or from the next", () => {
    expect(options("--chdir=/tmp", "--umask", "022")).toEqual(["chdir=/tmp", "umask=022"]);
  });

  test("without an argument are true, and keep an attached value", () => {
    expect(options("--vacuum", "--strict=false")).toEqual(["vacuum=true", "strict=false"]);
  });

  test("with an optional argument take only an attached one", () => {
    expect(options("--log-date", "--exit=3")).toEqual(["log-date=true", "exit=3"]);
    expect(parseCommandLine(["--log-date", "a.ini"]).files).toHaveLength(1);
  });

  test("may be shortened as long as only one begins so", () => {
    expect(options("--attach-control", "x")).toEqual(["attach-control-daemon=x"]);
    expect(problems("--attach", "x")[0]).toContain('option "--attach" is ambiguous: it may be "--attach-');
  });

  test("of reeve alone make no beginning ambiguous that uWSGI understands, and are written out", () => {
    expect(options("--legion-mca", "x")).toEqual(["legion-mcast=x"]);
    expect(problems("--legion-mcast-", "x")).toEqual([
      'unknown option "--legion-mcast-": did you mean "--legion-mcast"?',
    ]);
    expect(problems("--daemon-stop", "x")).toEqual([
      expect.stringContaining('unknown option "--daemon-stop"'),
    ]);
    expect(options("--daemon-stop-timeout=3", "--daemon-env", "A=1")).toEqual([
      "daemon-stop-timeout=3",
      "daemon-env=A=1",
    ]);
  });

  test("of several names for one option are not ambiguous", () => {
    expect(options("--set-pl", "a=1")).toEqual(["set-placeholder=a=1"]);
  });

  test("of one letter are taken together, apart and attached", () => {
    expect(options("-MS", "a=1", "-Sb=2", "-d/tmp/log")).toEqual([
      "master=true",
      "set=a=1",
      "set=b=2",
      "daemonize=/tmp/log",
    ]);
  });

  test("of an application server take their argument too", () => {
    expect(options("--socket", ":3031", "-s", ":3032", "--processes=4")).toEqual([
      "socket=:3031",
      "socket=:3032",
      "processes=4",
    ]);
  });

  test("that are unknown are errors with the nearest name", () => {
    expect(problems("--attach-deamon", "x")).toEqual([
      'unknown option "--attach-deamon": did you mean "--attach-daemon"?',
    ]);
    expect(problems("-Z")).toEqual(['unknown option "-Z"']);
  });

  test("without the value that they need are errors", () => {
    expect(problems("--chdir")).toEqual(['option "--chdir" needs a value']);
  });

  test("that were declared are known from there on", () => {
    const declare = ["--declare-option", "run=env=R=$1", "--declare-option", "flag=vacuum=1"];
    expect(options(...declare, "--run", "5", "--flag").slice(2)).toEqual(["run=5", "flag=true"]);
  });

  test("carry the word that they are as their origin", () => {
    const { options } = parseCommandLine(["a.ini", "--chdir", "/tmp", "--vacuum", "-d", "l"]);
    expect(options.map(({ origin }) => formatOrigin(origin))).toEqual(["--chdir", "--vacuum", "-d"]);
  });

  test("that other programs have for their help, version and file are understood", () => {
    const command = (...words: string[]) => parseCommandLine(words).command;
    expect([command("-?"), command("-V"), command("-v")]).toEqual(["help", "version", "version"]);
    expect(parseCommandLine(["-c", "a.ini"]).files).toEqual([{ name: "a.ini" }]);
    expect(parseCommandLine(["check", "-ca.ini"])).toMatchObject({
      command: "check",
      files: [{ name: "a.ini" }],
    });
    expect(problems("-c")).toEqual(['option "-c" needs a value: the configuration file']);
    expect(options("-v", "10", "a.ini")).toEqual(["max-vars=10"]);
    expect(problems("-v", "a.ini")).toEqual([
      'cannot use "-v": the log says everything already; for the version write "--version"',
    ]);
  });

  test("that are wrong are reported together", () => {
    expect(problems("--nonsense-one", "--nonsense-two")).toHaveLength(2);
  });
});

describe("commands", () => {
  const parse = (...argv: string[]): CommandLine => parseCommandLine(argv);

  test("are the first word; without one reeve runs", () => {
    expect(parse("a.ini").command).toBe("run");
    expect(parse("check", "a.ini")).toMatchObject({ command: "check", files: [{ name: "a.ini" }] });
    expect(parse("--strict", "plan", "a.ini").command).toBe("plan");
  });

  test("are no commands behind a file or with a path", () => {
    expect(parse("a.ini", "check").files.map(({ name }) => name)).toEqual(["a.ini", "check"]);
    expect(parse("./check").command).toBe("run");
  });

  test("to come are refused with the way to name such a file", () => {
    expect(problems("logs")).toEqual([
      'command "logs" is not there in this version; to read a file of that name write "./logs"',
    ]);
  });

  test("turn --json into a request for JSON, which else reads a file", () => {
    expect(parse("plan", "a.ini", "--json")).toMatchObject({ files: [{ name: "a.ini" }] });
    expect(parse("plan", "a.ini", "--json").flags.has("json")).toBe(true);
    expect(options("--json", "a.json")).toEqual(["json=a.json"]);
  });

  test("--help, --version, --stop and --reload need no configuration", () => {
    expect(parse("--help").command).toBe("help");
    expect(parse("-h").command).toBe("help");
    expect(parse("--version").command).toBe("version");
    expect(parse("--stop", "/run/x.pid")).toMatchObject({
      command: "stop-pidfile",
      operands: ["/run/x.pid"],
    });
    expect(parse("--reload=/run/x.pid")).toMatchObject({
      command: "reload-pidfile",
      operands: ["/run/x.pid"],
    });
  });

  test("take their own flags and words, and refuse others", () => {
    expect(parse("doctor", "--json").flags.has("json")).toBe(true);
    expect(problems("doctor", "--jsn")).toEqual(['doctor does not take "--jsn": see reeve help doctor']);
    expect(problems("man", "x")).toEqual(['man does not take "x": see reeve help man']);
    expect(problems("completion", "bash", "zsh")).toEqual([
      'completion does not take "zsh": see reeve help completion',
    ]);
    expect(problems("enter", "a", "b")).toEqual(['enter does not take "b": see reeve help enter']);
  });

  test("with --help are explained", () => {
    expect(parse("plan", "--help")).toMatchObject({ command: "help", operands: ["plan"] });
    expect(parse("enter", "web", "-h")).toMatchObject({ command: "help", operands: ["enter"] });
    expect(parse("help", "--uid")).toMatchObject({ command: "help", operands: ["--uid"] });
  });

  test("help keeps the option that is asked about", () => {
    expect(parse("help", "attach-daemon").operands).toEqual(["attach-daemon"]);
  });
});

describe("words behind --", () => {
  test("are the command of the entrypoint form, untouched", () => {
    const { entrypoint, options, files } = parseCommandLine([
      "--vacuum",
      "a.ini",
      "--",
      "sh",
      "-c",
      "--x",
      "--",
    ]);
    expect(entrypoint).toEqual(["sh", "-c", "--x", "--"]);
    expect(options).toHaveLength(1);
    expect(files).toHaveLength(1);
  });

  test("must be there", () => {
    expect(problems("--")).toEqual(['"--" must be followed by a command']);
  });

  test("are none without --", () => {
    expect(parseCommandLine([]).entrypoint).toBeNull();
  });
});
