/** Capabilities by name or number, as Linux numbers them. Pure. */
import type { Diagnostics } from "../diagnostic.ts";
import type { Origin } from "../origin.ts";
import type { OptionReader } from "./options.ts";
import { nearestName } from "../nearest.ts";
import { quote } from "../problem.ts";

const NAMES =
  ("chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable " +
    "net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot sys_ptrace " +
    "sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease audit_write audit_control " +
    "setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read perfmon bpf checkpoint_restore")
    .split(" ");
const LAST_CAPABILITY = 63;

/**
 * `cap = net_bind_service,setuid`: numbers, in the order of the numbers; null without the option. An unknown
 * name is an error (uWSGI logs it and goes on without it).
 */
export function planCapabilities(reader: OptionReader): readonly number[] | null {
  const option = reader.last("cap");
  if (option === null || !reader.needText(option)) return null;
  return parseCapabilities(option.value.split(","), option.origin, reader.diagnostics);
}

/** Numbers in order, each once; unknown words are errors, empty ones are passed over. */
export function parseCapabilities(
  words: readonly string[],
  origin: Origin,
  diagnostics: Diagnostics,
): readonly number[] {
  const numbers = new Set<number>();
  for (const word of words.map((item) => item.trim()).filter((item) => item !== "")) {
    const name = word.toLowerCase().replace(/^cap_/, "");
    const number = /^\d{1,2}$/.test(name) ? Number(name) : NAMES.indexOf(name);
    if (number >= 0 && number <= LAST_CAPABILITY) {
      numbers.add(number);
      continue;
    }
    const near = nearestName(name, NAMES);
    const hint = near === null ? "" : `: did you mean "${near}"?`;
    diagnostics.error(`unknown capability ${quote(word)}${hint}`, origin);
  }
  return [...numbers].sort((left, right) => left - right);
}

/** Whether who has no others can make no mounts: sys_admin is not among them. null: all that there are. */
export function forbidsMounts(capabilities: readonly number[] | null): boolean {
  return capabilities !== null && !capabilities.includes(SYS_ADMIN);
}

const SYS_ADMIN = NAMES.indexOf("sys_admin");

/** `net_bind_service`; the number where it has no name. */
export function capabilityName(number: number): string {
  return NAMES[number] ?? String(number);
}
