import type { AdminClient } from "../../core/admin/client.ts";
import { errorCode, MeshError } from "../../core/contracts/errors.ts";
import type { PingOptions, PingResult } from "../../core/contracts/node.ts";
import { type AddressOptions, connectAdmin } from "../admin_connection.ts";
import { ExitCode } from "../exit_code.ts";
import type { Io } from "../io.ts";
import { type OutputFormat, printData } from "../output.ts";
import { pause } from "../pause.ts";

export interface PingCommandOptions extends AddressOptions {
  readonly output: OutputFormat;
  readonly count: string;
  readonly interval: string;
  readonly size: string;
  readonly timeout: string;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
}

/** What the world may answer instead of a reply; anything else ends the command. */
const losses = new Set(["TIMEOUT", "UNREACHABLE"]);

interface Reply extends PingResult {
  readonly sequence: number;
}

export interface PingReport {
  readonly to: string;
  readonly sent: number;
  readonly received: number;
  readonly rttMillis: { readonly min: number; readonly average: number; readonly max: number } | null;
  readonly replies: readonly Reply[];
}

/** Like `ping`: a line per reply as it comes, then the sums; fails when nothing came back. */
export async function ping(io: Io, to: string, options: PingCommandOptions): Promise<ExitCode> {
  const count = numberOption("--count", options.count, 0, 1_000_000);
  const interval = 1000 * numberOption("--interval", options.interval, 0.01, 3600);
  const request = requestOf(options);
  const client = await connectAdmin(options, io);
  const live = options.output === "table";
  const replies: Reply[] = [];
  let sent = 0;
  while (!io.interrupted.aborted && (count === 0 || sent < count)) {
    if (sent > 0 && !await rest(io, interval)) break;
    const sequence = ++sent;
    const reply = await pingOnce({ io, client, to, request });
    if (reply === undefined && io.interrupted.aborted) sent--;
    if (typeof reply === "string" && live) io.out(`seq=${sequence} ${reply}\n`);
    if (typeof reply !== "object") continue;
    replies.push({ sequence, ...reply });
    if (live) io.out(replyLine(sequence, reply));
  }
  await printData(io, options.output, reportOf(to, sent, replies), summary);
  return replies.length > 0 ? ExitCode.ok : ExitCode.failed;
}

function requestOf({ size, timeout, ipv4, ipv6 }: PingCommandOptions): PingOptions {
  if (ipv4 && ipv6) throw new MeshError("INVALID_ARGUMENT", "Cannot ping with -4 and -6 at once");
  return {
    size: numberOption("--size", size, 0, 65_507),
    timeoutMillis: 1000 * numberOption("--timeout", timeout, 0.01, 60),
    ...ipv4 ? { family: 4 } : ipv6 ? { family: 6 } : {},
  };
}

function numberOption(option: string, text: string, min: number, max: number): number {
  const value = Number(text);
  const isWhole = option === "--interval" || option === "--timeout" || Number.isInteger(value);
  if (text.trim() !== "" && isWhole && value >= min && value <= max) return value;
  throw new MeshError("INVALID_ARGUMENT", `${option} takes a number from ${min} to ${max}, not "${text}"`);
}

interface Attempt {
  readonly io: Io;
  readonly client: AdminClient;
  readonly to: string;
  readonly request: PingOptions;
}

/** The reply, or why there is none; undefined when interrupted. */
async function pingOnce({ io, client, to, request }: Attempt): Promise<PingResult | string | undefined> {
  try {
    return await client.ping(to, request, io.interrupted);
  } catch (error) {
    if (io.interrupted.aborted) return undefined;
    if (losses.has(errorCode(error))) return (error as Error).message;
    throw error;
  }
}

/** False when interrupted. */
async function rest(io: Io, millis: number): Promise<boolean> {
  try {
    await pause(io, millis);
    return true;
  } catch {
    return false;
  }
}

function reportOf(to: string, sent: number, replies: readonly Reply[]): PingReport {
  const times = replies.map(({ rttMillis }) => rttMillis);
  const received = times.length;
  const rttMillis = received === 0 ? null : {
    min: Math.min(...times),
    average: times.reduce((sum, time) => sum + time, 0) / received,
    max: Math.max(...times),
  };
  return { to, sent, received, rttMillis, replies };
}

function replyLine(sequence: number, { size, from, hopLimit, rttMillis }: PingResult): string {
  return `${size} bytes from ${from}: seq=${sequence} ttl=${hopLimit} time=${rttMillis.toFixed(2)} ms\n`;
}

function summary({ to, sent, received, rttMillis }: PingReport): string {
  const loss = sent === 0 ? 0 : 100 * (sent - received) / sent;
  const head = `--- ${to}: ${sent} sent, ${received} received, ${loss.toFixed(0)}% lost\n`;
  if (rttMillis === null) return head;
  const { min, average, max } = rttMillis;
  return `${head}rtt min/avg/max = ${[min, average, max].map((time) => time.toFixed(2)).join("/")} ms\n`;
}
