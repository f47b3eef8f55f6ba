import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { test } from "../../tests/harness.ts";
import { withDirectory } from "./temporary_directory_fixture.ts";
import { unixFetch } from "./unix_http_client.ts";
import { listenUnix } from "./unix_http_server.ts";
import type { FetchHandler } from "./http_server.ts";

async function serving(fetch: FetchHandler, use: (path: string) => Promise<void>): Promise<void> {
  await withDirectory(async (directory) => {
    await using server = await listenUnix(fetch, join(directory, "admin.sock"));
    await use(server.path);
  });
}

/** A server that does with a connection what it is told, HTTP or not. */
async function answeringRaw(
  answer: (socket: Socket) => void,
  use: (path: string) => Promise<void>,
): Promise<void> {
  await withDirectory(async (directory) => {
    const path = join(directory, "raw.sock");
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.once("data", () => answer(socket));
    });
    await new Promise<void>((resolve) => server.listen(path, resolve));
    try {
      await use(path);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
}

const mirror: FetchHandler = async (request) =>
  Response.json({
    method: request.method,
    url: request.url,
    headers: Object.fromEntries(request.headers),
    body: await request.text(),
  });

test("a request arrives with its method, headers, body and host", async () => {
  await serving(mirror, async (path) => {
    const fetch = unixFetch(path);
    const init = { method: "PUT", headers: { "x-name": "value", "content-type": "text/x" }, body: "é" };
    const { method, url, headers, body } = await (await fetch("http://selvage/a%20b?c=d#e", init)).json();
    assert.deepEqual([method, url, body], ["PUT", "http://selvage/a%20b?c=d", "é"]);
    assert.deepEqual([headers["host"], headers["x-name"], headers["content-type"]], [
      "selvage",
      "value",
      "text/x",
    ]);
  });
});

test("all that fetch takes is taken: a path, a URL, a Request, bodies of bytes and streams", async () => {
  await serving(mirror, async (path) => {
    const fetch = unixFetch(path);
    assert.equal((await (await fetch("/v1/status")).json()).url, "http://localhost/v1/status");
    assert.equal((await (await fetch(new URL("http://localhost/x"))).json()).url, "http://localhost/x");
    const request = new Request("http://localhost/y", { method: "POST", body: "in the request" });
    assert.equal((await (await fetch(request)).json()).body, "in the request");
    const bytes = { method: "POST", body: Uint8Array.of(0x61, 0x62) };
    assert.equal((await (await fetch("/", bytes)).json()).body, "ab");
    const stream = new Blob(["streamed"]).stream();
    const streamed = { method: "POST", body: stream, duplex: "half" as const };
    assert.equal((await (await fetch("/", streamed)).json()).body, "streamed");
  });
});

test("a body is framed for every method that may have one", async () => {
  await serving(mirror, async (path) => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      const response = await unixFetch(path)("/", { method, body: "body" });
      assert.equal((await response.json()).body, "body", method);
    }
  });
});

test("answers have their status and headers, and bodies only where there may be one", async () => {
  const answers: FetchHandler = (request) => {
    const status = Number(new URL(request.url).pathname.slice(1));
    return new Response(status === 204 || status === 304 ? null : "body", {
      status,
      headers: { "x-a": "b" },
    });
  };
  await serving(answers, async (path) => {
    for (const status of [200, 204, 304, 404, 503]) {
      const response = await unixFetch(path)(`/${status}`);
      assert.deepEqual([response.status, response.headers.get("x-a")], [status, "b"]);
      assert.equal(await response.text(), status === 204 || status === 304 ? "" : "body");
    }
    const head = await unixFetch(path)("/200", { method: "HEAD" });
    assert.deepEqual([head.status, await head.text()], [200, ""]);
  });
});

test("a body arrives as it is sent, piece by piece", async () => {
  const pieces: ((text: string) => void)[] = [];
  const live: FetchHandler = () =>
    new Response(
      new ReadableStream({
        start: (controller) => {
          pieces.push((text) => controller.enqueue(new TextEncoder().encode(text)));
        },
      }),
      { headers: { "content-type": "text/event-stream", "transfer-encoding": "chunked" } },
    );
  await serving(live, async (path) => {
    const { body } = await unixFetch(path)("/");
    const reader = body?.getReader();
    for (const text of ["first", "second", "third"]) {
      pieces[0]?.(text);
      assert.equal(new TextDecoder().decode((await reader?.read())?.value), text);
    }
    await reader?.cancel();
  });
});

test("a large body arrives whole, through a reader that is slow", async () => {
  const size = 4 * 1024 * 1024;
  await serving(() => new Response(new Uint8Array(size).fill(7)), async (path) => {
    const { body } = await unixFetch(path)("/");
    let length = 0;
    for await (const chunk of body ?? []) {
      assert.ok(chunk.every((byte) => byte === 7));
      length += chunk.length;
      // No wait for anything: one turn of the event loop, in which the socket may run ahead of this reader.
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assert.equal(length, size);
  });
});

test("no node at the path is an error that says how to start one", async () => {
  await withDirectory(async (directory) => {
    writeFileSync(join(directory, "file"), "");
    for (const name of ["absent", "file", "absent/absent"]) {
      const path = join(directory, name);
      await assert.rejects(unixFetch(path)("/"), {
        name: "MeshError",
        code: "NOT_RUNNING",
        message: `no node is running at ${path}; start one with \`selvage launch\``,
      });
    }
  });
});

test("a path that no socket can have is refused at once", () => {
  assert.throws(() => unixFetch("/".repeat(108)), { code: "CONFIG_INVALID" });
  assert.throws(() => unixFetch(""), { code: "CONFIG_INVALID" });
});

test("an abort before, while waiting and while reading rejects with the signal's reason", async () => {
  const reason = new Error("enough");
  let arrived = () => {};
  const silent: FetchHandler = () => {
    arrived();
    return new Promise(() => {});
  };
  await serving(silent, async (path) => {
    await assert.rejects(unixFetch(path)("/", { signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    arrived = () => controller.abort(reason);
    await assert.rejects(unixFetch(path)("/", { signal: controller.signal }), reason);
  });
  const endless: FetchHandler = () =>
    new Response(new ReadableStream({ start: (controller) => controller.enqueue(Uint8Array.of(1)) }), {
      headers: { "transfer-encoding": "chunked" },
    });
  await serving(endless, async (path) => {
    const controller = new AbortController();
    const { body } = await unixFetch(path)(new Request("http://localhost/", { signal: controller.signal }));
    const reader = body?.getReader();
    assert.equal((await reader?.read())?.value?.[0], 1);
    const rest = reader?.read();
    controller.abort(reason);
    await assert.rejects(rest ?? Promise.resolve(), reason);
  });
});

test("an abort while the body of the request is collected rejects with the signal's reason", async () => {
  await serving(mirror, async (path) => {
    const reason = new Error("enough");
    const controller = new AbortController();
    const body = new ReadableStream<Uint8Array>({
      pull: (stream) => {
        controller.abort(reason);
        stream.close();
      },
    }, { highWaterMark: 0 });
    const init = { method: "POST", body, duplex: "half" as const, signal: controller.signal };
    await assert.rejects(unixFetch(path)("/", init), reason);
  });
});

test("cancelling the body closes the connection, and the server is told", async () => {
  let told = () => {};
  const isTold = new Promise<void>((resolve) => told = resolve);
  const endless: FetchHandler = () =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(Uint8Array.of(1)),
        cancel: () => told(),
      }),
      { headers: { "transfer-encoding": "chunked" } },
    );
  await serving(endless, async (path) => {
    const { body } = await unixFetch(path)("/");
    await body?.cancel();
    await isTold;
  });
});

test("a connection that breaks off is an error, before the answer and within it", async () => {
  const error = { code: "UNREACHABLE", message: /the connection broke off; the node may have stopped/ };
  await answeringRaw((socket) => socket.destroy(), async (path) => {
    await assert.rejects(unixFetch(path)("/"), error);
  });
  await answeringRaw((socket) => socket.end("this is no HTTP\r\n\r\n"), async (path) => {
    await assert.rejects(unixFetch(path)("/"), error);
  });
  await answeringRaw(
    (socket) => socket.end("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"),
    async (path) => {
      const response = await unixFetch(path)("/");
      await assert.rejects(response.text(), error);
    },
  );
});
