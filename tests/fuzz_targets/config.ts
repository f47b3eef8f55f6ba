/** Fuzz targets of `cli/config`: a file, and the environment and flags beside it, through the whole loader. */
import assert from "node:assert/strict";
import { fakeIo } from "../../cli/io_fixture.ts";
import { flagSettings } from "../../cli/config/config_flags.ts";
import { loadConfigFrom } from "../../cli/config/load.ts";
import { isMeshError } from "../../core/contracts/errors.ts";
import type { FuzzTarget } from "../proofs/fuzz/target.ts";
import { asBytes, asText } from "./promises.ts";

const files = [
  "",
  "name: web-1\nnetwork: selvage\nlog: { level: debug, format: json }\n",
  'transport: { use: udp, listen: "[::]:6783" }\nencapsulation: { use: noise }\n',
  'discovery: [{ use: static_seeds, seeds: ["198.51.100.7:6783"] }]\nipam: { use: ring, range: 10.32.0.0/12 }\n',
  "store:\n  use: sqlite\n  directory: /srv/mesh\nadmin:\n  socket: /run/selvage/admin.sock\n",
  "# words\nstateDir: /var/lib/selvage\npolicy:\n  use: allow_all\nport:\n  use: userspace\n",
  "base: &base { use: ring }\nipam: *base\n",
  "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nd: &d [*c, *c]\ne: [*d, *d]\n",
  "name: |\n  many\n  lines\nnetwork: >-\n  folded\n\"quoted\\u0041\": 'single'\n? [complex]\n: 1\n",
];
const words = [
  ...[
    "*a",
    "&a ",
    "<<: *a\n",
    "!!binary ",
    "!!set ",
    "!!js/function ",
    "? ",
    ": ",
    "- ",
    "---\n",
    "...\n",
    "%YAML 1.1\n",
  ],
  ...[
    "__proto__: ",
    "constructor: ",
    "use: ",
    "seeds: ",
    "range: ",
    "~",
    "null",
    ".inf",
    ".nan",
    "0x10",
    "1e400",
    "true",
  ],
  ...["{", "}", "[", "]", ",", "\t", "\r\n", "\n  ", '"', "'", "|", ">", "#", "\\x00", "\u2028"],
  ...["name: a\n", "10.0.0.0/8", "fd00::/48", "192.0.2.1:1", "memory_store", "gre_udp", "tcp"],
].map(asBytes);

/**
 * The parser of YAML takes about 11 KB for each key, a problem that is shown 20 KB more to look for a similar word:
 * 4.8 MB for the 210 keys that fit an input, all of it garbage at once.
 */
const fileGarbageBytes = 8 * 1024 * 1024;

const fileTarget: FuzzTarget = {
  name: "config-file",
  seeds: files.map(asBytes),
  words,
  maxBytes: 2_048,
  garbageBytes: fileGarbageBytes,
  run: (input) => loads(asText(input), {}, {}),
};

/** A line of the input is a variable or a flag: `NAME=value`, `--flag=value`. */
const surroundingsTarget: FuzzTarget = {
  name: "config-surroundings",
  seeds: [
    'SELVAGE_NAME=web\nSELVAGE_IPAM__RANGE=10.0.0.0/8\nSELVAGE_DISCOVERY__0__SEEDS=["192.0.2.1:1"]\n--range=10.1.0.0/16',
    'SELVAGE_STORE__USE=memory_store\n--log-level=debug\n--listen=[::]:0\nSELVAGE_LOG={"level":"info"}',
    "SELVAGE_TRANSPORT__USE=udp\nSELVAGE_STATE_DIR=/srv\n--socket=/run/a.sock\n--name=a\n--network=b",
  ].map(asBytes),
  words: [
    ...[
      "SELVAGE_",
      "__",
      "_",
      "__0__",
      "=",
      "\n",
      "{",
      "}",
      "[",
      "]",
      '"',
      "null",
      "1e999",
      "__PROTO__",
      "USE",
    ].map(asBytes),
    ...flagSettings.map(({ flag }) => asBytes(`\n${flag}=`)),
  ],
  maxBytes: 1_024,
  run(input) {
    const pairs = asText(input).split("\n").map((
      line,
    ) => [line.split("=")[0]!, line.slice(line.indexOf("=") + 1)]);
    const environment = Object.fromEntries(pairs.filter(([key]) => !key!.startsWith("--")));
    delete environment["SELVAGE_CONFIG"];
    const flags = Object.fromEntries(
      flagSettings.flatMap(({ name, flag }) => {
        const value = pairs.findLast(([key]) => key === flag)?.[1];
        return value === undefined ? [] : [[name, value]];
      }),
    );
    return loads("", environment, flags);
  },
};

/** True for a whole configuration. Refused with one line for each problem, whatever is in the file. */
async function loads(
  yaml: string,
  environment: Readonly<Record<string, string>>,
  flags: Readonly<Record<string, string>>,
): Promise<boolean> {
  const io = fakeIo({ environment: { HOME: "/nonexistent", ...environment } });
  try {
    const { settings, plugins, effective } = await loadConfigFrom({ name, text: yaml }, flags, io);
    assert.ok(settings.stateDir !== "" && plugins.transport !== undefined && effective.length > 0);
    return true;
  } catch (error) {
    if (!isMeshError(error) || error.code !== "CONFIG_INVALID") throw error;
    assert.ok(error.message.length > 0 && error.message.length < 200_000);
    return false;
  } finally {
    assert.equal(({} as Record<string, unknown>)["use"], undefined, "a prototype was changed");
  }
}

/** In no folder that exists, so that a mutated name of a plugin finds no module, which would then run. */
const name = "/nonexistent/selvage.yaml";

export const configTargets: readonly FuzzTarget[] = [fileTarget, surroundingsTarget];
