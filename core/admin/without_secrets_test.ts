import assert from "node:assert/strict";
import { test } from "../../tests/harness.ts";
import { redacted, Secret } from "../identity/secret.ts";
import { placeholder, withoutSecrets } from "./without_secrets.ts";

const bytes = Uint8Array.of(0xde, 0xad, 0xbe, 0xef);

test("a secret is replaced wherever it stands in a document, whatever it is called", () => {
  const secret = new Secret(bytes);
  assert.deepEqual(withoutSecrets({ name: secret, list: [{ deep: [secret] }], plain: 1 }), {
    name: placeholder,
    list: [{ deep: [placeholder] }],
    plain: 1,
  });
  assert.equal(placeholder, redacted, "one placeholder everywhere");
});

/** As the buffers of Node print themselves. */
class Talkative extends Uint8Array {
  toJSON(): unknown {
    return { type: "Buffer", data: [...this] };
  }
}

test("bytes of every kind are replaced, also those that would print themselves", () => {
  const kinds = [
    bytes,
    new Talkative(bytes),
    bytes.buffer,
    new DataView(bytes.buffer),
    new Uint32Array(1),
    new SharedArrayBuffer(4),
  ];
  for (const kind of kinds) assert.deepEqual(withoutSecrets({ kind }), { kind: placeholder });
});

test("an object of a class says itself what stands for it, and is replaced when it says nothing", () => {
  class Key {
    readonly text = "hunter2";
  }
  class Wrapped {
    toJSON(): unknown {
      return { inner: bytes, at: new Date(0) };
    }
  }
  const map = new Map([["key", "hunter2"]]);
  assert.deepEqual(
    withoutSecrets({ key: new Key(), wrapped: new Wrapped(), map, set: new Set(["hunter2"]) }),
    {
      key: placeholder,
      wrapped: { inner: placeholder, at: "1970-01-01T00:00:00.000Z" },
      map: placeholder,
      set: placeholder,
    },
  );
});

test("plain data comes out as it went in, and a key is only a key", () => {
  const document = JSON.parse('{"__proto__": {"a": null}, "token": ["x", 1.5, true], "empty": {}}');
  assert.equal(JSON.stringify(withoutSecrets(document)), JSON.stringify(document));
  assert.deepEqual(withoutSecrets({ big: 2n ** 64n, bare: Object.create(null) }), {
    big: "18446744073709551616",
    bare: {},
  });
});

test("a document that leads back to itself has an end", () => {
  const endless: Record<string, unknown> = { a: 1 };
  endless["self"] = endless;
  assert.match(JSON.stringify(withoutSecrets(endless)), /"a":1,"self":"«redacted»"\}/);
});
