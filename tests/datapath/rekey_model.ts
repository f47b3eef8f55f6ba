/**
 * Sessions that are renewed fifty times a second while both sides send as much as they can: every packet arrives, once, and
 * as it was sent.
 */
import assert from "node:assert/strict";
import { type Ciphers, SessionWorld, withHaste } from "./session_world.ts";

export interface RekeyRun {
  readonly seed: number;
  /** Renewals to see. */
  readonly rekeys: number;
  readonly ciphers?: Ciphers;
  /** Who begins them; when both do, it is often at once. */
  readonly by: "one" | "both";
}

export interface RekeyOutcome {
  readonly rekeys: number;
  /** Packets, both ways together. */
  readonly packets: number;
  /** That the main thread was left. */
  readonly opened: number;
  readonly frames: number;
  /** That it took, on the clock of the model. */
  readonly millis: number;
}

const stepMillis = 10;
const mostMillis = 100;
/**
 * Not sooner than the network's longest delay: a renewal that overtakes all of the session's first messages ends it, as
 * the responder keeps one session that is not confirmed.
 */
const haste = {
  one: { rekeyAfter: 6, responderRekeyAfter: 120 },
  both: { rekeyAfter: 15, responderRekeyAfter: 15 },
};

export function runRekeys({ rekeys, by, ...options }: RekeyRun): RekeyOutcome {
  return withHaste(haste[by], () => {
    const world = new SessionWorld(options);
    const { a, b, there, back, rig } = world;
    world.connect();
    const start = { at: rig.now, renewals: a.sessions.renewals };
    const renewals = () => a.sessions.renewals - start.renewals;
    while (renewals() < rekeys) {
      world.busy(stepMillis);
      assert.ok(rig.now - start.at < mostMillis * rekeys, `only ${renewals()} renewals`);
    }
    const millis = rig.now - start.at;
    world.rest();
    for (const packets of [there, back]) {
      const missing = packets.missing();
      assert.equal(
        missing.length,
        0,
        `${missing.length} of ${packets.sent} are lost, the first is ${missing[0]}`,
      );
    }
    const sum = (pick: (party: typeof a) => number) => pick(a) + pick(b);
    return {
      rekeys: renewals(),
      packets: there.delivered + back.delivered,
      opened: sum(({ left }) => left.opened),
      frames: sum(({ left }) => left.frame),
      millis,
    };
  });
}
