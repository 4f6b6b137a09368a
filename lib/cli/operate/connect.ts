/** From the words that say which instance is meant, or none, to a connection to its control socket. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import process from "node:process";
import { quote } from "../../config/problem.ts";
import { ControlClient } from "../../control/client.ts";
import { errorCode } from "../../sys/errno.ts";
import { errorText } from "../../sys/error_text.ts";
import { ownCredentials } from "../../sys/process/own_process.ts";
import { EXIT } from "../shared/exit_code.ts";
import { printable } from "../shared/output.ts";
import { type Connection, resultOf } from "./connection.ts";
import { CONTROL_NAME, findInstances, type Found, type FoundInstance, usualPlaces } from "./instances.ts";
import { CommandFailure, type InstanceWords } from "./words.ts";

const START = "start one with reeve FILE";

/** Throws CommandFailure. */
export async function connect(instance: InstanceWords): Promise<Connection> {
  return await connectToSocket(await socketOf(instance));
}

async function connectToSocket(socket: string): Promise<Connection> {
  try {
    const client = await ControlClient.open(socket);
    return {
      ask: (method, path, body) => client.ask(method, path, body),
      follow: (path) => client.follow(path, (answer) => void resultOf(answer)),
      close: () => client.close(),
    };
  } catch (error) {
    throw unreachable(socket, error);
  }
}

function unreachable(socket: string, error: unknown): CommandFailure {
  const shown = `control socket ${quote(printable(socket))}`;
  switch (errorCode(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return new CommandFailure(EXIT.noInstance, `no instance runs there: there is no ${shown}; ${START}`);
    case "ECONNREFUSED":
      return new CommandFailure(EXIT.noInstance, `no instance runs there: nobody serves ${shown}; ${START}`);
    case "EACCES":
    case "EPERM":
      return new CommandFailure(
        EXIT.denied,
        `not allowed to use ${shown}: only root and the instance's own user may, and whom its option control-allow names`,
      );
    default:
      return new CommandFailure(EXIT.failure, `cannot use ${shown}: ${errorText(error)}`);
  }
}

async function socketOf({ config, name, socket }: InstanceWords): Promise<string> {
  if (config !== null) return await socketOfConfig(config);
  const places = usualPlaces(ownCredentials().effectiveUid, process.env);
  if (name !== null) return socketOfName(name, places);
  const said = socket ?? process.env["REEVE_SOCKET"] ?? "";
  if (said !== "") return resolve(said);
  return chooseOnly(findInstances(places), places).socket;
}

function socketOfName(name: string, places: readonly string[]): string {
  if (name === "" || name.includes("/") || name === "." || name === "..") {
    throw new CommandFailure(
      EXIT.usage,
      `cannot use --instance=${quote(printable(name))}: it is no name of an instance`,
    );
  }
  const found = findInstances(places).instances.filter((one) => one.name === name);
  return found[0]?.socket ?? join(places[0] ?? "/run/reeve", name, CONTROL_NAME);
}

/** Throws CommandFailure where there is none, or several. Pure. */
export function chooseOnly({ instances, denied }: Found, places: readonly string[]): FoundInstance {
  const [only, another] = instances;
  if (only === undefined) {
    if (denied.length > 0) {
      throw new CommandFailure(
        EXIT.denied,
        `no instance was found, and ${
          denied.map((path) => quote(printable(path))).join(", ")
        } may not be looked into: ` +
          "ask as root or as the user of the instance, or name it with --socket PATH",
      );
    }
    throw new CommandFailure(
      EXIT.noInstance,
      `no instance runs that has a control socket in ${
        places.join(" or ")
      }: ${START}, or name it with -c FILE`,
    );
  }
  if (another === undefined) return only;
  const shown = instances.map(({ name, pid, identity }) => {
    const known = [...(pid === null ? [] : [`pid ${pid}`]), ...(identity === null ? [] : [identity])];
    return printable(known.length === 0 ? name : `${name} (${known.join(", ")})`);
  });
  throw new CommandFailure(EXIT.usage, `which one? ${shown.join(", ")}: say --instance NAME`);
}

/** By what the instance has written of itself; else by what the configuration says of its run directory. */
async function socketOfConfig(file: string): Promise<string> {
  const { instanceNames } = await import("../../config/language/instance_names.ts");
  const { identity } = instanceNames(file, process.cwd());
  const places = usualPlaces(ownCredentials().effectiveUid, process.env);
  const own = findInstances(places).instances.find((one) => one.identity === identity);
  if (own !== undefined) return own.socket;
  const { readPlan } = await import("../shared/read_plan.ts");
  const { findRunDir, runDirPlaces } = await import("../../records/run_dir.ts");
  const { plan, diagnostics } = readPlan({ options: [], files: [{ name: file }], entrypoint: null }, "check");
  if (plan === null) {
    const { formatDiagnostic } = await import("../../config/diagnostic.ts");
    const lines = diagnostics.list.map((one) => printable(formatDiagnostic(one)));
    throw new CommandFailure(EXIT.usage, lines.join("\n"));
  }
  // An instance of root's may let this user in.
  const directories = [ownCredentials().effectiveUid, 0]
    .map((uid) => findRunDir(runDirPlaces(plan.instance, uid, process.env)))
    .filter((directory) => directory !== null);
  const { controlPath } = plan.instance;
  const sockets = [
    ...controlPath?.startsWith("/") === true ? [controlPath] : [],
    ...directories.map((directory) => join(directory, CONTROL_NAME)),
  ];
  const found = sockets.find((path) => existsSync(path)) ?? sockets[0];
  if (found !== undefined) return found;
  throw new CommandFailure(
    EXIT.noInstance,
    `the instance of ${quote(printable(file))} has no run directory: set run-dir`,
  );
}
