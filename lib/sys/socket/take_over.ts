/**
 * Gives a connected socket to the event loop of the runtime. Must never be given one that listens: the
 * runtime would open a TCP port in its place.
 */
import { fileDescriptor } from "../checks.ts";

declare module "bun" {
  function connect<Data = undefined>(options: FdSocketOptions<Data>): Promise<Socket<Data>>;
}

/**
 * `open` is called before this returns. The descriptor is closed by the runtime, in each case. Half open: the
 * other side may say that it sends no more, and read on.
 */
export function takeOver<Data>(fd: number, socket: Bun.SocketHandler<Data>): Promise<Bun.Socket<Data>> {
  return Bun.connect<Data>({ fd: fileDescriptor(fd), allowHalfOpen: true, socket });
}
