/** A client of the control socket for the end-to-end tests. It asserts nothing. */
import type { Scope } from "./harness.ts";
import { until } from "./wait.ts";

export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly change: string | null;
  // deno-lint-ignore no-explicit-any
  readonly result: any;
}

export class Asking {
  readonly socket: string;

  constructor(scope: Scope, socket = scope.path("run", "control")) {
    this.socket = socket;
  }

  async get(path: string): Promise<Answer> {
    return read(await fetch(`http://reeve${path}`, { unix: this.socket }));
  }

  async post(path: string, body: unknown): Promise<Answer> {
    const text = JSON.stringify(body);
    return read(await fetch(`http://reeve${path}`, { unix: this.socket, method: "POST", body: text }));
  }

  /** Asks for a change and waits until it has ended. */
  // deno-lint-ignore no-explicit-any
  async act(action: string, services: readonly string[], more: object = {}): Promise<any> {
    const { change, result, status } = await this.post("/v1/services", { action, services, ...more });
    if (change === null) throw new Error(`${action} was refused with ${status}: ${result.message}`);
    return (await this.ended(change)).result;
  }

  /** Over a reload too, in which connections are cut. */
  async ended(change: string): Promise<Answer> {
    return await until(`change ${change} ends`, async () => {
      const answer = await this.get(`/v1/changes/${change}/wait?timeout=1s`).catch(() => null);
      return answer?.status === 200 ? answer : null;
    });
  }

  // deno-lint-ignore no-explicit-any
  async service(name: string): Promise<any> {
    const { result } = await this.get(`/v1/services?names=${name}`);
    return result[0];
  }

  /** Waits until one is in that state. */
  // deno-lint-ignore no-explicit-any
  async untilState(name: string, state: string): Promise<any> {
    return await until(`"${name}" is ${state}`, async () => {
      const found = await this.service(name).catch(() => null);
      return found?.state === state ? found : null;
    });
  }
}

async function read(response: Response): Promise<Answer> {
  // deno-lint-ignore no-explicit-any
  const body: any = await response.json();
  return { status: response.status, type: body.type, change: body.change ?? null, result: body.result };
}
