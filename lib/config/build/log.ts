/** Where reeve's and the daemons' output goes, and how reeve's own lines look. Pure. */
import type { LogPlan } from "../plan/instance_plan.ts";
import type { OptionReader } from "../values/options.ts";
import { quote } from "../problem.ts";
import { parseBoolean, parseMode, parseSize } from "../values/values.ts";

/** The format that uWSGI uses for `log-date = true`: the form of ctime(3). */
const DEFAULT_DATE = "%a %b %e %H:%M:%S %Y";

export function planLog(reader: OptionReader): LogPlan {
  // The last of uWSGI's redirections wins: daemonize2 after logto2, after daemonize, which beats logto.
  const name = ["daemonize2", "logto2", "daemonize", "logto"].find((wanted) => reader.last(wanted) !== null);
  const maxSize = reader.last("log-maxsize");
  const file = name === undefined ? null : logFile(name, reader);
  if (name === undefined) warnWithoutFile(reader);
  return {
    file,
    asUser: name === "logto2" || name === "daemonize2",
    // Any other value is uWSGI's pattern of the request log, which classify.ts has skipped.
    format: reader.last("log-format")?.value === "json" ? "json" : "text",
    date: dateFormat(reader),
    prefix: reader.last("log-prefix")?.value || null,
    maxSize: maxSize === null ? 0 : parseSize(maxSize, reader.diagnostics) ?? 0,
    backupName: reader.text("log-backupname"),
    truncate: reader.flag("log-truncate"),
    chown: reader.flag("logfile-chown"),
    mode: fileMode(reader),
    reopen: reader.flag("log-reopen"),
  };
}

/** Settings for a log file do nothing to an inherited stderr. */
function warnWithoutFile(reader: OptionReader): void {
  const names = [
    "log-maxsize",
    "log-backupname",
    "log-truncate",
    "log-reopen",
    "logfile-chown",
    "logfile-chmod",
  ];
  if (!reader.hasAny(["log-", "logfile-", "touch-log"])) return;
  for (const name of [...names, "touch-logreopen", "touch-logrotate"]) {
    const option = reader.last(name);
    if (option === null || !parseBoolean(option.value)) continue;
    reader.diagnostics.warning(
      `${name} has no effect without a log file: name one with logto`,
      option.origin,
    );
  }
}

/** uWSGI 2.0 takes three digits and nothing else. */
function fileMode(reader: OptionReader): number | null {
  const option = reader.last("logfile-chmod");
  if (option === null) return null;
  if (/^[0-7]{3}$/.test(option.value.trim())) return parseMode(option, reader.diagnostics);
  reader.diagnostics.error(
    `cannot use ${quote(option.value)} as logfile-chmod: three octal digits are wanted, such as "640"`,
    option.origin,
  );
  return null;
}

function logFile(name: string, reader: OptionReader): string | null {
  const option = reader.last(name);
  if (option === null || !reader.needText(option)) return null;
  if (/^[^/]*:\d+$/.test(option.value)) {
    reader.diagnostics.error(
      `cannot log to "${option.value}": logging to a UDP address is not served, name a file`,
      option.origin,
    );
    return null;
  }
  return option.value;
}

function dateFormat(reader: OptionReader): string | null {
  const option = reader.last("log-date");
  if (option === null || (option.value !== "" && !parseBoolean(option.value))) return null;
  return option.value === "" || /^(?:true|1|on|yes)$/i.test(option.value) ? DEFAULT_DATE : option.value;
}
