/** The demo's voice: numbered steps, indented facts; colour only on a terminal that wants it. */
import { styleText } from "node:util";
import type { ConnectionStatus, NodeStatus } from "../../mod.ts";

type Style = Parameters<typeof styleText>[0];

export class Narrator {
  readonly #out: NodeJS.WriteStream;
  readonly #started = performance.now();
  #steps = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  step(text: string): void {
    this.#line(this.#styled("bold", `\n${++this.#steps}. ${text}`));
  }

  detail(text: string): void {
    this.#line(`   ${text}`);
  }

  status(status: NodeStatus, connections: readonly ConnectionStatus[]): void {
    const { network, peer, name, addresses, encryption, ipam } = status;
    this.detail(
      `Network: ${network.name} (${network.id.slice(0, 8)})   Peer: ${peer.slice(0, 12)}… (${name})`,
    );
    this.detail(`Addresses: ${addresses.join(", ")}   Range: ${ipam.ranges.join(", ")}`);
    this.detail(`Encryption: Noise, ${encryption.aead} (${encryption.implementation})`);
    for (const { direction, endpoint, state, name, rttMillis } of connections) {
      const rtt = rttMillis === null ? "" : `  rtt ${rttMillis.toFixed(2)} ms`;
      this.detail(`${direction} ${endpoint.padEnd(21)} ${this.#styled("green", state)}  ${name}${rtt}`);
    }
  }

  proved(facts: readonly string[]): void {
    this.step(`Proved in ${((performance.now() - this.#started) / 1000).toFixed(1)} s`);
    for (const fact of facts) this.detail(`${this.#styled("green", "✓")} ${fact}`);
  }

  failed(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#line(this.#styled("red", `\nThe demo failed: ${message}`));
  }

  #styled(style: Style, text: string): string {
    return styleText(style, text, { stream: this.#out });
  }

  #line(text: string): void {
    this.#out.write(`${text}\n`);
  }
}
