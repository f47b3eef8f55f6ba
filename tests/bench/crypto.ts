/**
 * Handshakes, checks of signatures and packet sealing in this process: noble, the platform, and bare X25519 as the floor of
 * a handshake.
 */
import { ed25519, x25519 } from "@noble/curves/ed25519.js";
import { Bench } from "tinybench";
import type { AeadSuite } from "../../core/contracts/aead.ts";
import { quickenSignatures, verifyPortably, verifySignature } from "../../core/identity/signature.ts";
import { nobleAeads, platformAeads } from "../../core/runtime/aead.ts";
import { platformVerifies } from "../../core/runtime/ed25519.ts";
import { systemRandom } from "../../core/runtime/random.ts";
import { generateKeyPair } from "../../core/noise/dh.ts";
import { HandshakeState } from "../../core/noise/handshake_state.ts";
import { parseProtocolName } from "../../core/noise/protocol_name.ts";
import { type Row, times } from "./report.ts";

const random = systemRandom();
const packet = new Uint8Array(1400);
/** One IKpsk2 handshake, both sides: 2 key generations and 8 exchanges of 25 519. */
const exchangesPerHandshake = 10;

export async function benchCrypto(): Promise<readonly Row[]> {
  const suites = [...nobleAeads(), ...platformAeads()];
  const bench = new Bench({ time: 400, warmupTime: 100 });
  const [secret, { publicKey }] = [random.fill(new Uint8Array(32)), generateKeyPair(random)];
  bench.add("x25519", () => void x25519.getSharedSecret(secret, publicKey));
  bench.add("handshake", handshake());
  addChecks(bench);
  for (const suite of suites) addAead(bench, suite);
  await bench.run();
  const rate = (name: string) => bench.getTask(name)!.result as unknown as { throughput: { mean: number } };
  const perSecond = (name: string) => rate(name).throughput.mean;
  return [
    { what: "X25519, noble", figure: `${Math.round(perSecond("x25519"))}/s` },
    {
      what: "handshake Noise_IKpsk2, both sides",
      figure: `${Math.round(perSecond("handshake"))}/s`,
      ratio: `${
        times(perSecond("x25519") / exchangesPerHandshake / perSecond("handshake"))
      } the time of its X25519 alone`,
    },
    { what: "check of a signature, noble", figure: `${Math.round(perSecond("check noble"))}/s` },
    {
      what: "check of a signature, platform, strict",
      figure: `${Math.round(perSecond("check platform"))}/s`,
      ratio: `${times(perSecond("check platform") / perSecond("check noble"))} noble`,
    },
    ...suites.flatMap((suite) => aeadRows(suite, perSecond)),
  ];
}

/** Of 400 bytes, as a record of a node with thirty links has them. */
function addChecks(bench: Bench): void {
  const message = random.fill(new Uint8Array(400));
  const seed = random.fill(new Uint8Array(32));
  const [publicKey, signature] = [ed25519.getPublicKey(seed), ed25519.sign(message, seed)];
  if (!quickenSignatures(platformVerifies)) throw new Error("the platform knows no Ed25519");
  bench.add("check noble", () => void verifyPortably(publicKey, message, signature));
  bench.add("check platform", () => void verifySignature(publicKey, message, signature));
}

function aeadRows(suite: AeadSuite, perSecond: (name: string) => number): Row[] {
  return ["seal", "open"].map((verb) => {
    const rate = perSecond(label(suite, verb));
    const reference = perSecond(`${verb} ${suite.name} noble`);
    const row = { what: label(suite, verb), figure: `${(1e6 / rate).toFixed(1)} µs/1400 B` };
    return suite.implementation === "noble" ? row : { ...row, ratio: `${times(rate / reference)} noble` };
  });
}

function label({ name, implementation }: AeadSuite, verb: string): string {
  return `${verb} ${name} ${implementation}`;
}

function addAead(bench: Bench, suite: AeadSuite): void {
  const key = suite.key(random.fill(new Uint8Array(32)));
  const [nonce, header] = [new Uint8Array(12), new Uint8Array(16)];
  const sealed = key.seal(nonce, header, packet);
  bench.add(label(suite, "seal"), () => void key.seal(nonce, header, packet));
  bench.add(label(suite, "open"), () => void key.open(nonce, header, sealed));
}

function handshake(): () => void {
  const protocol = parseProtocolName("Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s");
  const [ours, theirs] = [generateKeyPair(random), generateKeyPair(random)];
  const psks = [random.fill(new Uint8Array(32))];
  return () => {
    const initiator = new HandshakeState({
      protocol,
      role: "initiator",
      random,
      staticKeys: ours,
      remoteStatic: theirs.publicKey,
      psks,
    });
    const responder = new HandshakeState({ protocol, role: "responder", random, staticKeys: theirs, psks });
    responder.readMessage(initiator.writeMessage());
    initiator.readMessage(responder.writeMessage());
    if (initiator.turn !== "split" || responder.turn !== "split") throw new Error("the handshake failed");
  };
}
