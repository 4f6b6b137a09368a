import { afterEach, describe, expect, test } from "bun:test";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { type DatagramSocket, receiveDatagrams, sendDatagram } from "../../../lib/sys/socket/datagram.ts";
import { Scratch } from "../file/scratch.ts";
import { until } from "../until.ts";

const open: DatagramSocket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.close();
});

function listen(address: string): { heard: string[]; socket: DatagramSocket } {
  const heard: string[] = [];
  const socket = receiveDatagrams(address, (bytes) => heard.push(new TextDecoder().decode(bytes)));
  open.push(socket);
  return { heard, socket };
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("a unix datagram socket", () => {
  test("hears what is sent to its path, each datagram by itself and in order", async () => {
    using scratch = new Scratch();
    const path = scratch.at("s");
    const { heard } = listen(path);
    for (let index = 0; index < 200; index++) {
      while (!sendDatagram(path, bytes(`${index}`))) await Bun.sleep(1);
    }
    await until("all are heard", () => heard.length === 200);
    expect(heard).toEqual(Array.from({ length: 200 }, (_, index) => `${index}`));
  });

  test("has an abstract name as well", async () => {
    const name = `@reeve-datagram-test-${process.pid}`;
    const { heard } = listen(name);
    sendDatagram(name, bytes("x"));
    await until("it is heard", () => heard.length === 1);
    expect(() => listen(name)).toThrow(`cannot receive at "${name}": address already in use`);
  });

  test("takes the place of one that a dead process left, and of nothing else", () => {
    using scratch = new Scratch();
    const path = scratch.at("s");
    const left = Bun.spawnSync([
      "python3",
      "-c",
      `import socket
socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).bind("${path}")`,
    ]);
    expect(left.success).toBe(true);
    listen(path);
    expect(() => listen(path)).toThrow("address already in use");
    const file = scratch.at("file");
    writeFileSync(file, "precious");
    expect(() => listen(file)).toThrow("address already in use");
    expect(statSync(file).size).toBe(8);
  });

  test("is gone once it is closed, and closing twice does no harm", () => {
    using scratch = new Scratch();
    const path = scratch.at("s");
    const { socket } = listen(path);
    socket.close();
    socket.close();
    expect(existsSync(path)).toBe(false);
    expect(() => sendDatagram(path, bytes("x"))).toThrow(
      `cannot send to "${path}": no such file or directory`,
    );
  });

  test("does not remove the socket of another that took its place", () => {
    using scratch = new Scratch();
    const path = scratch.at("s");
    const { socket } = listen(path);
    Bun.spawnSync(["rm", path]);
    listen(path);
    socket.close();
    expect(existsSync(path)).toBe(true);
  });
});
