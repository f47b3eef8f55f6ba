import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { test } from "../../tests/harness.ts";
import { withDirectory } from "./temporary_directory_fixture.ts";
import { unixFetch } from "./unix_http_client.ts";
import { listenUnix } from "./unix_http_server.ts";
import type { FetchHandler, ListenOptions } from "./http_server.ts";

const hello: FetchHandler = () => new Response("hello");

/** A server in a directory of its own, closed at the end. */
async function serving(
  fetch: FetchHandler,
  use: (path: string, close: () => Promise<void>) => Promise<void>,
  options: ListenOptions = {},
): Promise<void> {
  await withDirectory(async (directory) => {
    await using server = await listenUnix(fetch, join(directory, "admin.sock"), options);
    await use(server.path, () => server.close());
  });
}

function mode(path: string): string {
  return (lstatSync(path).mode & 0o777).toString(8);
}

/** Sends bytes as they are, and gives all that comes back until the connection ends. */
async function speak(path: string, ...pieces: string[]): Promise<string> {
  const socket = connect(path);
  for (const piece of pieces) socket.write(piece);
  return await heard(socket);
}

async function heard(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => text += String(chunk));
  socket.on("error", () => {});
  await new Promise((resolve) => socket.once("close", resolve));
  return text;
}

function headOf(headers: string): string {
  return `GET / HTTP/1.1\r\nHost: localhost\r\n${headers}\r\n`;
}

test("a request over the socket is answered", async () => {
  const echo: FetchHandler = async (request) =>
    Response.json({ method: request.method, url: request.url, body: await request.text() }, { status: 201 });
  await serving(echo, async (path) => {
    const response = await unixFetch(path)("http://selvage/a?b=c", { method: "POST", body: "text" });
    assert.equal(response.status, 201);
    const answer = { method: "POST", url: "http://selvage/a?b=c", body: "text" };
    assert.deepEqual(await response.json(), answer);
  });
});

test("the socket is open to its owner alone from its first moment, whatever the mask", async () => {
  const before = process.umask(0);
  try {
    await withDirectory(async (directory) => {
      const path = join(directory, "admin.sock");
      const listening = listenUnix(hello, path);
      assert.ok(!existsSync(path) || mode(path) === "600");
      await using server = await listening;
      assert.equal(mode(server.path), "600");
      assert.equal(process.umask(), 0, "the mask is the caller's again");
    });
  } finally {
    process.umask(before);
  }
});

test("missing parent directories are made for the owner alone, and others are left as they are", async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, "run", "selvage", "admin.sock");
    await using _ = await listenUnix(hello, path);
    assert.equal(mode(join(directory, "run")), "700");
    assert.equal(mode(join(directory, "run", "selvage")), "700");
  });
  await withDirectory(async (directory) => {
    chmodSync(directory, 0o755);
    await using _ = await listenUnix(hello, join(directory, "admin.sock"));
    assert.equal((statSync(directory).mode & 0o777).toString(8), "755");
  });
});

test("close removes the socket, ends the server, and may be called twice", async () => {
  await serving(hello, async (path, close) => {
    await Promise.all([close(), close()]);
    await close();
    assert.ok(!existsSync(path));
    await assert.rejects(unixFetch(path)("/"), { code: "NOT_RUNNING" });
  });
});

test("an abort closes the server", async () => {
  const controller = new AbortController();
  await serving(hello, async (path, close) => {
    controller.abort();
    await close();
    assert.ok(!existsSync(path));
  }, { signal: controller.signal });
  const aborted = AbortSignal.abort(new Error("stopping"));
  await withDirectory(async (directory) => {
    const path = join(directory, "admin.sock");
    await assert.rejects(listenUnix(hello, path, { signal: aborted }), /stopping/);
    assert.ok(!existsSync(path));
  });
});

test("a second server on a socket that answers is refused, and the first goes on", async () => {
  await serving(hello, async (path) => {
    const error = { code: "ALREADY_RUNNING", message: /a node answers there/ };
    await assert.rejects(listenUnix(hello, path), error);
    assert.equal(await (await unixFetch(path)("/")).text(), "hello");
  });
});

test("the socket of a killed process is taken over", async () => {
  await withDirectory(async (directory) => {
    const path = join(directory, "admin.sock");
    await leaveSocketBehind(path);
    assert.ok(lstatSync(path).isSocket());
    await assert.rejects(unixFetch(path)("/"), { code: "NOT_RUNNING" });
    await using _ = await listenUnix(hello, path);
    assert.equal(await (await unixFetch(path)("/")).text(), "hello");
    assert.equal(mode(path), "600");
  });
});

/** As `kill -9` does: a process binds the path and ends without a word. */
async function leaveSocketBehind(path: string): Promise<void> {
  const program = `
    const server = require("node:net").createServer();
    server.listen(${JSON.stringify(path)}, () => process.kill(process.pid, "SIGKILL"));`;
  const isDeno = "Deno" in globalThis;
  const child = spawn(process.execPath, isDeno ? ["eval", "--ext=cjs", program] : ["-e", program], {
    stdio: "ignore",
  });
  const [, signal] = await once(child, "exit");
  assert.equal(signal, "SIGKILL");
}

test("what is no socket is never removed", async () => {
  await withDirectory(async (directory) => {
    const file = join(directory, "file");
    writeFileSync(file, "precious");
    mkdirSync(join(directory, "folder"));
    symlinkSync(file, join(directory, "link"));
    for (const name of ["file", "folder", "link"]) {
      const error = { code: "BIND_FAILED", message: /is no socket; remove it or set another admin\.socket/ };
      await assert.rejects(listenUnix(hello, join(directory, name)), error);
    }
    assert.equal(readFileSync(file, "utf8"), "precious");
    assert.ok(lstatSync(join(directory, "link")).isSymbolicLink());
  });
});

test("a path that cannot be bound says what to do", async () => {
  await withDirectory(async (directory) => {
    const file = join(directory, "file");
    writeFileSync(file, "");
    const error = {
      code: "BIND_FAILED",
      message: /set an admin\.socket in a directory that this user may write to/,
    };
    await assert.rejects(listenUnix(hello, join(file, "admin.sock")), error);
    await assert.rejects(listenUnix(hello, "/proc/selvage/admin.sock"), error);
    await assert.rejects(listenUnix(hello, "/proc/admin.sock"), error);
  });
});

test("a path that no socket can have is refused before anything is made", async () => {
  await withDirectory(async (directory) => {
    const long = join(directory, "folder", "é".repeat(60));
    await assert.rejects(listenUnix(hello, long), {
      code: "CONFIG_INVALID",
      message: /may have 107; choose a shorter/,
    });
    assert.ok(!existsSync(join(directory, "folder")));
    await assert.rejects(listenUnix(hello, ""), { code: "CONFIG_INVALID" });
    await assert.rejects(listenUnix(hello, `${directory}/a\0b`), { code: "CONFIG_INVALID" });
    const longest = join(directory, "x".repeat(107 - directory.length - 1));
    await using server = await listenUnix(hello, longest);
    assert.equal(await (await unixFetch(server.path)("/")).text(), "hello");
  });
});

test("headers above 16 KiB are refused", async () => {
  await serving(hello, async (path) => {
    assert.match(
      await speak(path, headOf(`X: ${"a".repeat(15_000)}\r\nConnection: close\r\n`)),
      /^HTTP\/1\.1 200 /,
    );
    assert.match(await speak(path, headOf(`X: ${"a".repeat(17_000)}\r\n`)), /^HTTP\/1\.1 431 /);
  });
});

test("headers and bodies that do not come in time end the connection", async () => {
  const limits = { headerMillis: 60, requestMillis: 150 };
  const slow: FetchHandler = async (request) => new Response(await request.text());
  await serving(slow, async (path) => {
    assert.match(await speak(path, "GET / HTTP/1.1\r\nHost:"), /^(HTTP\/1\.1 408 |$)/);
    const body = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\ncut";
    assert.match(await speak(path, body), /^(HTTP\/1\.1 408 |$)/);
    assert.equal(await (await unixFetch(path)("/", { method: "POST", body: "whole" })).text(), "whole");
  }, { limits });
});

test("a handler that does not want a body is answered for, however the client goes on", async () => {
  const head = "POST / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 500000\r\n\r\n";
  const whole = `${head}${"x".repeat(500_000)}`;
  await serving(hello, async (path) => {
    assert.match(await speak(path, whole), /^HTTP\/1\.1 200 .*hello$/s);
    assert.match(await speak(path, `${head}and then nothing`), /^HTTP\/1\.1 200 .*hello$/s);
  }, { limits: { drainMillis: 50 } });
  await serving(hello, async (path) => {
    const socket = connect(path);
    socket.on("error", () => {});
    socket.write(`${head}${"x".repeat(10_000)}`);
    const [answer] = await once(socket, "data");
    assert.match(String(answer), /^HTTP\/1\.1 200 /);
    socket.destroy();
  }, { limits: { drainBytes: 1_000 } });
});

test("a reader that does not read is cut off", async () => {
  let cancelled: (reason?: unknown) => void = () => {};
  const isCancelled = new Promise((resolve) => cancelled = resolve);
  const flood: FetchHandler = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
        cancel: () => cancelled(),
      }),
      { headers: { "transfer-encoding": "chunked" } },
    );
  await serving(flood, async (path) => {
    const socket = connect(path);
    socket.on("error", () => {});
    socket.pause();
    socket.write(headOf(""));
    await isCancelled;
    socket.destroy();
  }, { limits: { idleMillis: 100 } });
});

test("beyond the limit the connection that is idle for longest is closed, and nobody is turned away", async () => {
  await serving(hello, async (path) => {
    const [first, second] = [connect(path), connect(path)];
    for (const socket of [first, second]) {
      socket.write(headOf(""));
      await once(socket, "data");
    }
    const ended = heard(first);
    const third = connect(path);
    third.write(headOf(""));
    await once(third, "data");
    await ended;
    second.destroy();
    third.destroy();
  }, { limits: { connections: 2, graceMillis: 1 } });
});

test("what is no HTTP, or names no host, is refused without a handler", async () => {
  let calls = 0;
  const counting: FetchHandler = () => {
    calls++;
    return new Response();
  };
  await serving(counting, async (path) => {
    assert.match(await speak(path, "\x16\x03\x01 this is TLS\r\n\r\n"), /^HTTP\/1\.1 400 /);
    assert.match(await speak(path, "GET / HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 400 /);
    const smuggled =
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    assert.match(await speak(path, smuggled), /^HTTP\/1\.1 400 /);
    for (
      const head of ["GET / HTTP/1.0\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\nConnection: close\r\n\r\n"]
    ) {
      const answer = await speak(path, head);
      assert.match(answer, /^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"MALFORMED"/s);
    }
    assert.equal(calls, 0);
  });
});

test("a handler that rejects is answered for, and says nothing of why", async () => {
  const broken: FetchHandler = () => Promise.reject(new Error("secret"));
  await serving(broken, async (path) => {
    const response = await unixFetch(path)("/");
    const text = await response.text();
    assert.deepEqual([response.status, JSON.parse(text).code], [500, "INTERNAL"]);
    assert.doesNotMatch(text, /secret/);
  });
});

test("close ends a connection that is kept alive", async () => {
  await serving(hello, async (path, close) => {
    const socket = connect(path);
    socket.write(headOf(""));
    await once(socket, "data");
    const ended = heard(socket);
    await close();
    await ended;
  });
});

test("close ends a stream in an orderly way, and its source is told", async () => {
  let cancelled = false;
  const endless: FetchHandler = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode("first")),
        cancel: () => {
          cancelled = true;
        },
      }),
      { headers: { "transfer-encoding": "chunked" } },
    );
  await serving(endless, async (path, close) => {
    const response = await unixFetch(path)("/");
    const text = response.text();
    await close();
    assert.equal(await text, "first");
    assert.ok(cancelled);
  });
});

test("close lets a started answer finish", async () => {
  let [started, finish] = [() => {}, (_: Response) => {}];
  const isStarted = new Promise<void>((resolve) => started = resolve);
  const slow: FetchHandler = () => {
    started();
    return new Promise((resolve) => finish = resolve);
  };
  await serving(slow, async (path, close) => {
    const answer = unixFetch(path)("/");
    await isStarted;
    const closed = close();
    finish(new Response("finished"));
    assert.equal(await (await answer).text(), "finished");
    await closed;
  });
});

test("close waits for no answer that never comes", async () => {
  let started = () => {};
  const isStarted = new Promise<void>((resolve) => started = resolve);
  const never: FetchHandler = () => {
    started();
    return new Promise(() => {});
  };
  await serving(never, async (path, close) => {
    const refused = assert.rejects(unixFetch(path)("/"), { code: "UNREACHABLE", message: /broke off/ });
    await isStarted;
    await close();
    await refused;
  }, { limits: { closeMillis: 50 } });
});

test("the global Request and Response are the platform's own after listening", async () => {
  const before = [globalThis.Request, globalThis.Response];
  await serving(hello, async (path) => {
    await (await unixFetch(path)("/")).text();
    assert.deepEqual([globalThis.Request, globalThis.Response], before);
  });
});
