/**
 * A program that holds connections to a port of this machine and says next to nothing on each: argv is port, number of
 * connections and what they say. Whichever is closed is opened again. Prints a line when each has been opened once, and
 * ends when its standard input does.
 */
import { connect } from "node:net";
import process from "node:process";

const [port, count, kind] = [Number(process.argv[2]), Number(process.argv[3]), process.argv[4]];

const heads: Readonly<Record<string, string>> = {
  /** Headers that never end. */
  headers: "GET /v1/status HTTP/1.1\r\nHost: ",
  /** A body that never ends, of who shows no token. */
  body: `POST /v1/ping HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Type: application/json\r\n` +
    "Content-Length: 100000\r\n\r\n",
  /** The handshake of a stream, with the key id of the test's network, that never comes to its end. */
  stream: "SLVG\x01\x01\x04\x00" + "\x01".repeat(8),
  /** Nothing at all. */
  silence: "",
};
const head = heads[kind ?? ""]!;
const byteMillis = 1_000;
/** From one to the next, so that they do not all come at once: two seconds on average. */
const againMillis = (at: number) => 1_000 + (at * 7) % 2_000;

let opened = 0;

function hold(at: number, isFirst: boolean): void {
  const socket = connect(port, "127.0.0.1");
  const drip = head === "" ? undefined : setInterval(() => socket.write("x"), byteMillis);
  socket.on("error", () => {});
  let isCounted = !isFirst;
  socket.once("connect", () => {
    if (head !== "") socket.write(head);
    if (!isCounted && ++opened === count) process.stdout.write("held\n");
    isCounted = true;
  });
  socket.resume();
  socket.once("close", () => {
    clearInterval(drip);
    setTimeout(() => hold(at, !isCounted), againMillis(at)); // it may be reset before it is known to be open
  });
}

for (let i = 0; i < count; i++) hold(i, true);
process.stdin.once("end", () => process.exit(0)).resume();
